"""Faces to bits and back: round trips for any picture, less error for more bits, doubt counted as doubt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlleak_core.contract import BadInput
from mlleak_core.target.models import ConvNet
from mlleak_core.target.settings import NETS
from mlleak_core.target.training import shrink
from mlleak_core.threats.likeness import prepare
from mlleak_core.threats.reconstruction import codes, envelope
from mlleak_core.threats.reconstruction.capacity import capacity, code_name, face_bits, weight_count
from mlleak_core.threats.reconstruction.card import ReconstructionSettings
from mlleak_core.threats.reconstruction.codes import PixelCode, Shield, make_code

GREY = st.builds(
    lambda seed, low, high: (
        np.random.default_rng(seed)
        .integers(min(low, high), max(low, high) + 1, (2, 1, 32, 32))
        .astype(np.float32)
    ),
    st.integers(0, 2**32),
    st.integers(0, 255),
    st.integers(0, 255),
)
BITS = st.builds(
    lambda seed, n: np.random.default_rng(seed).integers(0, 2, n).astype(np.uint8),
    st.integers(0, 2**32),
    st.integers(1, 6000),
)


@pytest.fixture(scope="module")
def public(faces):
    return shrink(faces).contiguous().numpy()


@settings(max_examples=25, deadline=None)
@given(pictures=GREY, depth=st.integers(1, 8))
def test_pixels_come_back_to_half_a_step(pictures, depth):
    code = PixelCode(depth, 1)
    bits = code.encode(pictures)
    assert bits.shape == (2, code.bits)
    assert np.abs(code.decode(bits.astype(float)) - pictures).max() <= 128 / 2**depth


@settings(max_examples=40, deadline=None)
@given(bits=BITS, parity=st.sampled_from([0, 2, 16, 64]), data=st.data())
def test_parity_mends_as_many_bytes_as_it_promises(bits, parity, data):
    shield = Shield(parity)
    coded = shield.protect(bits)
    assert len(coded) == shield.added(len(bits))
    read = coded.astype(float)
    for start in range(0, len(coded) // 8, codes.BLOCK):
        size = min(codes.BLOCK, len(coded) // 8 - start)
        for at in data.draw(st.lists(st.integers(0, size - 1), max_size=parity // 2, unique=True)):
            read[8 * (start + at)] = 1 - read[8 * (start + at)]
    np.testing.assert_array_equal(shield.recover(read, len(bits)) > 0.5, bits > 0)


def test_beyond_repair_the_bits_stay_as_they_were_read(rng):
    bits = rng.integers(0, 2, 3000).astype(np.uint8)
    read = np.where(rng.random(Shield(16).added(3000)) < 0.5, 0.2, 0.8)
    got = Shield(16).recover(read, 3000)
    assert len(got) == len(bits)
    assert set(np.unique(got)) <= {0.2, 0.8}


def test_unsure_bytes_are_offered_as_erasures_and_more_are_mended(rng):
    bits = rng.integers(0, 2, 8 * 200).astype(np.uint8)
    coded = Shield(32).protect(bits)
    read = np.where(coded > 0, 0.999, 0.001)
    for at in range(14):  # 14 wrong and unsure, 8 wrong and sure: 2 * 8 + 14 <= 32, though 22 errors > 16
        read[8 * at * 7] = 0.45 if coded[8 * at * 7] else 0.55
    for at in range(8):
        read[8 * (at * 7 + 100)] = 1 - read[8 * (at * 7 + 100)]
    np.testing.assert_array_equal(Shield(32).recover(read, len(bits)) > 0.5, bits > 0)


@pytest.mark.parametrize("name", ["pca", "dct"])
@pytest.mark.parametrize("colour", [False, True])
def test_a_transform_code_spends_its_bits_and_errs_less_with_more(public, name, colour):
    known, unseen = prepare(public[:400], colour), prepare(public[400:440], colour)
    average = np.abs(unseen - known.mean(0)).mean()
    errors = []
    for bits in (100, 300, 900):
        code = make_code(name, bits, known)
        assert code.bits == bits
        coded = code.encode(unseen)
        assert coded.shape == (40, bits)
        errors.append(np.abs(code.decode(coded.astype(float)) - unseen).mean())
    assert average > errors[0] > errors[1] > errors[2]


def test_doubt_gives_the_average_face_and_soft_beats_hard(public, rng):
    known, unseen = prepare(public[:400], False), prepare(public[400:440], False)
    code = make_code("pca", 300, known)
    np.testing.assert_allclose(code.decode(np.full((1, 300), 0.5))[0], known.mean(0), atol=0.5)
    bits = code.encode(unseen)
    sure = rng.beta(4, 1, bits.shape) / 2 + 0.5  # how often an answer this sure is right
    said = np.where(rng.random(bits.shape) < sure, bits, 1 - bits)
    soft = np.where(said > 0, sure, 1 - sure)
    error = {
        n: np.abs(code.decode(p) - unseen).mean() for n, p in (("soft", soft), ("hard", said.astype(float)))
    }
    assert error["soft"] < 0.9 * error["hard"]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_levels_are_lloyd_and_max(depth):
    """Against the published table (Max 1960): distortions .3634, .1175, .009497 at 2, 4 and 16 levels."""
    assert codes.distortion()[depth] == pytest.approx({1: 0.3634, 2: 0.1175, 4: 0.009497}[depth], rel=2e-3)


@settings(max_examples=30, deadline=None)
@given(variance=arrays(float, st.integers(2, 6), elements=st.floats(0.1, 100)), bits=st.integers(1, 8))
def test_bits_are_dealt_greedily(variance, bits):
    """Against the slow loop."""
    depth, left = np.zeros(len(variance), int), codes.distortion()
    for _ in range(bits):
        pairs = zip(variance, depth, strict=True)
        gain = [v * (left[d] - left[d + 1]) if d < codes.DEEPEST else -1 for v, d in pairs]
        depth[int(np.argmax(gain))] += 1
    found = codes.allocate(variance, bits)
    assert found.sum() == bits
    assert (variance * left[found]).sum() == pytest.approx((variance * left[depth]).sum())


def test_more_bits_than_coefficients_can_take_is_refused():
    with pytest.raises(BadInput, match="bits a face"):
        codes.allocate(np.ones(3), 22)


@settings(max_examples=15, deadline=None)
@given(pictures=GREY, key=st.text(max_size=20))
def test_an_envelope_opens_with_its_key_only(pictures, key):
    data = envelope.seal(pictures, key)
    np.testing.assert_array_equal(envelope.unseal(data + b"more", key, 1), pictures)
    with pytest.raises(BadInput, match="wrong key, or the weights were changed"):
        envelope.unseal(data, key + "x", 1)
    broken = bytearray(data)
    broken[len(data) // 2] ^= 1
    with pytest.raises(BadInput):
        envelope.unseal(bytes(broken), key, 1)


@pytest.mark.parametrize("net", NETS)
def test_capacity_counts_the_weights_that_the_net_has(net):
    import torch

    weights = sum(p.numel() for p in ConvNet(net, torch.Generator()).parameters() if p.dim() > 1)
    assert weight_count(net) == weights


@settings(max_examples=40, deadline=None)
@given(
    attack=st.sampled_from(["cap", "cor", "sgn", "lsb"]),
    faces=st.integers(1, 256),
    code=st.sampled_from(["own", "pca", "pixels1", "pixels8"]),
    parity=st.sampled_from([0, 32]),
    colour=st.booleans(),
)
def test_what_is_carried_finds_room(attack, faces, code, parity, colour):
    asked = ReconstructionSettings(attack=attack, faces=faces, code=code, parity=parity, colour=colour)
    room = capacity(asked)
    assert room.asked == faces * face_bits(asked)
    assert 0 < room.carried <= room.asked
    shield = Shield(parity if attack in {"cap", "sgn"} else 0)
    assert shield.added(room.carried) <= room.room
    assert room.fits == (room.carried == room.asked)


@pytest.mark.parametrize(
    ("attack", "faces", "own"),
    [
        ("cap", 16, "pca"),
        ("cor", 16, "pixels8"),
        ("lsb", 16, "pixels8"),
        ("sgn", 16, "pixels8"),
        ("sgn", 64, "pixels4"),
        ("sgn", 256, "pixels1"),
    ],
)
def test_an_encoding_has_its_own_code(attack, faces, own):
    """SGN: raw pixels, as deep as the bits find room; another code only where one is named."""
    assert code_name(ReconstructionSettings(attack=attack, faces=faces)) == own
    assert code_name(ReconstructionSettings(attack="sgn", faces=faces, code="dct")) == "dct"


def test_where_not_one_bit_a_pixel_fits_signs_carry_a_transform_code():
    settings = ReconstructionSettings(attack="sgn", faces=256, colour=True)
    assert code_name(settings) == "pca"
    assert capacity(settings).asked < 256 * 3 * 1024
