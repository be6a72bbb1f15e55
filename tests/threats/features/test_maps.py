"""Maps: right components, exact neighbours, aligned frames, kept on stop, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from mlleak_core.contract import Step, Stop, drain
from mlleak_core.measure import trustworthiness
from mlleak_core.threats.features import embedding, maps
from mlleak_core.threats.features.card import MapSettings
from mlleak_core.threats.features.maps import draw

FEW = MapSettings(attribute="Hat", points=100)


def test_principal_components_are_scikit_learns(rng):
    x = (
        rng.normal(size=(200, 6)) @ rng.normal(size=(6, 300)) * 5 + 0.1 * rng.normal(size=(200, 300))
    ).astype(np.float32)
    ours, theirs = embedding.principal(x, seed=0, components=6), PCA(6).fit_transform(x)
    ours, theirs = (a / np.linalg.norm(a, axis=0) for a in (ours, theirs))
    np.testing.assert_allclose(np.abs(ours.T @ theirs).diagonal(), 1, atol=1e-3)


def test_neighbours_are_exact(rng):
    x = rng.normal(size=(120, 9)).astype(np.float32)
    index, distance = embedding.neighbours(x)
    theirs_d, theirs = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(x).kneighbors(x)
    np.testing.assert_array_equal(index, theirs)
    np.testing.assert_allclose(distance[:, 1:], theirs_d[:, 1:], rtol=1e-3)


def test_far_from_the_origin_the_components_are_the_same(rng):
    x = (rng.normal(size=(200, 300)) * np.linspace(9, 0.1, 300)).astype(np.float32)
    near, far = embedding.principal(x, seed=0), embedding.principal(x + np.float32(50), seed=0)
    np.testing.assert_allclose(np.abs(near), np.abs(far), atol=0.02)
    assert (np.diff(np.linalg.norm(near, axis=0)) <= 0).all(), "the largest first"


def test_neighbours_are_exact_among_many_and_among_twins(rng):
    many = rng.normal(size=(2 * embedding.AT_ONCE + 40, 5)).astype(np.float32)
    theirs = NearestNeighbors(n_neighbors=48, algorithm="brute").fit(many).kneighbors(many)[1]
    np.testing.assert_array_equal(embedding.neighbours(many, 48)[0], theirs)
    twins = np.repeat(many[:40], 4, axis=0)
    index, distance = embedding.neighbours(twins, 6)
    theirs_d, _ = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(twins).kneighbors(twins)
    np.testing.assert_allclose(distance, theirs_d, atol=2e-3)
    assert all(len(set(row)) == 6 for row in index.tolist()) and (index[:, 0] == np.arange(160)).all()


def test_alignment_undoes_turning_mirroring_and_scaling(rng):
    onto = rng.normal(size=(50, 2)).astype(np.float32)
    turned = (onto @ np.array([[0.6, 0.8], [0.8, -0.6]]) * 3 + 7).astype(np.float32)
    np.testing.assert_allclose(embedding.align(turned, onto), onto, atol=1e-4)


def test_our_map_is_as_trustworthy_as_the_plain_one(rng):
    centres = rng.normal(size=(8, 60)) * 3
    x = (centres[rng.integers(0, 8, 400)] + rng.normal(size=(400, 60))).astype(np.float32)
    ours = embedding.fit_map(embedding.principal(x, 0), seed=0)
    plain = embedding.umap_module().UMAP(random_state=0).fit_transform(x)
    assert trustworthiness(x, ours) > trustworthiness(x, plain) - 0.02


@pytest.fixture(scope="module")
def drawn(target, faces):
    steps: list[Step] = []
    return drain(draw(target, faces, FEW), steps.append), steps


def test_every_layer_and_epoch_has_a_frame(drawn, target):
    made, steps = drawn
    assert (
        set(made.frames) == {(e, layer) for e in target.states for layer in made.layers} == set(made.linear)
    )
    assert all(
        f.shape == (100, 2) and np.isfinite(f).all() for f in (*made.frames.values(), *made.linear.values())
    )
    assert steps[-1].done == steps[-1].total
    assert {e for e, _ in steps[5].peek["maps"].frames} == {6}, "the last epoch comes first"


def test_frames_of_a_layer_are_aligned_over_the_epochs(drawn):
    made, _ = drawn
    for before, after in zip(made.epochs, made.epochs[1:], strict=False):
        a, b = made.frames[before, "conv1"], made.frames[after, "conv1"]
        moved = np.linalg.norm(a - b, axis=1).mean()
        shuffled = np.linalg.norm(a - b[np.random.default_rng(0).permutation(100)], axis=1).mean()
        assert moved < 0.7 * shuffled


def test_the_same_seed_draws_the_same_map_in_one_go_or_two(drawn, target, faces):
    made, _ = drawn
    first = drain(draw(target, faces, FEW, last_only=True))
    rest = drain(draw(target, faces, FEW, known=first))
    for key, frame in made.frames.items():
        np.testing.assert_array_equal(frame, rest.frames[key])


def test_the_maps_of_all_epochs_take_over_those_of_the_last(desk, target):
    chosen = MapSettings(training=target.settings, attribute="Hat", points=100, seed=1)
    assert chosen.data == target.settings.data
    first = drain(maps.run_last(chosen, desk))
    steps: list[Step] = []
    rest = drain(maps.run(chosen, desk), steps.append)
    assert {e for e, _ in first.frames} == {max(rest.epochs)}
    assert not any(f"epoch {max(rest.epochs)}" in step.note for step in steps), "drawn once"
    for key, frame in first.frames.items():
        assert rest.frames[key] is frame


def test_an_epoch_half_drawn_is_left_out_unless_it_is_the_first(drawn):
    _, steps = drawn
    first, second = steps[2].peek["maps"], steps[8].peek["maps"]
    assert first.whole() is first
    assert {e for e, _ in second.whole().frames} == {6} != {e for e, _ in second.frames}
    assert second.whole().linear.keys() == second.whole().frames.keys()


def test_a_map_as_a_scene_hides_what_is_to_be_guessed(drawn, faces):
    made, _ = drawn
    sheet = made.sheet(faces)
    shown, hidden = (made.scene(faces, "Skin tone", revealed, "job", sheet) for revealed in (True, False))
    assert hidden.codes is None and shown.name != hidden.name
    np.testing.assert_array_equal(shown.codes, faces.labelling("Skin tone").codes[made.rows])
    assert set(shown.frames) == {f"{v}/{e}/{layer}" for v in ("map", "linear") for e, layer in made.frames}


def test_stop_keeps_the_frames_so_far(target, faces):
    run = draw(target, faces, FEW)
    for _ in range(3):
        next(run)
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    assert len(end.value.value.frames) == 3


def test_held_out_faces_only_and_bearers_first(target, faces):
    rows = maps._shown(target, faces, "Hat", FEW)
    assert set(rows) <= set(target.split.outsiders)
    held = target.split.outsiders
    assert (faces.target("Hat")[rows] == 1).sum() == min(50, (faces.target("Hat")[held] == 1).sum())


def test_a_map_leaves_a_later_training_its_threads(rng):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        embedding.fit_map(rng.normal(size=(80, 8)).astype(np.float32), seed=0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
