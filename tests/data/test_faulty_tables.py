"""Tables as they really come: scores of a model and records, as other programs and people write them."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest

from mlleak_core.contract import BadInput, drain
from mlleak_core.data.scores import read_scores
from mlleak_core.data.source import load


def text(rows, separator=",", end="\n") -> str:
    return end.join(separator.join(row) for row in rows) + end


def scores(order, labels=str, rows: int = 240, classes: int = 12, lacking=()) -> bytes:
    """A leaky model's logits, the columns in this order."""
    rng = np.random.default_rng(0)
    member, y = np.arange(rows) % 2, rng.integers(0, classes, rows)
    z = rng.normal(size=(rows, classes))
    z[np.arange(rows), y] += 1 + 2.5 * member
    shown = [c for c in order if c not in lacking]
    lines = [("record", "member", "label", *(f"logit_{labels(c)}" for c in shown))]
    lines += [
        (f"r{i}", str(member[i]), labels(y[i]), *(f"{z[i, c]:.5f}" for c in shown)) for i in range(rows)
    ]
    return text(lines).encode()


def confidence(found) -> np.ndarray:
    picked = found.logits[np.arange(len(found.y)), found.y]
    return picked - np.log(np.exp(found.logits).sum(1))


@pytest.mark.parametrize("labels", [str, lambda c: f"class-{c}", lambda c: str(c + 1), lambda c: f"{c}"])
def test_a_logit_column_is_found_by_its_name_not_its_place(labels):
    straight = confidence(read_scores(scores(range(12), labels)))
    mixed = confidence(read_scores(scores(sorted(range(12), key=str), labels)))
    np.testing.assert_allclose(straight, mixed)


def test_gaps_and_mismatches_of_logit_columns_are_refused():
    with pytest.raises(BadInput, match="none for 7"):
        read_scores(scores(range(12), lacking=(7,)))
    with pytest.raises(BadInput, match="none for x"):
        read_scores(scores(range(12)).replace(b",0,3,", b",0,x,", 1))
    with pytest.raises(BadInput, match=r"none for 0\.5"):
        read_scores(
            b"record,member,label,logit_0,logit_1\n"
            + b"".join(b"r%d,%d,0.5,1,%d\n" % (i, i % 2, i) for i in range(40))
        )


LOSSES = [(f"r{i}", str(i % 2), "0", f"{0.1 * i + (0 if i % 2 else 1):.3f}") for i in range(60)]
LOSS = ("record", "member", "label", "loss")


def test_an_infinite_loss_is_the_strongest_sign_of_an_outsider():
    rows = [("r0", "0", "0", "inf"), *LOSSES[1:]]
    found = read_scores(text([LOSS, *rows]).encode())
    assert found.loss is not None and np.isfinite(found.loss).all()
    assert found.loss.argmax() == 0
    with pytest.raises(BadInput, match="row 2"):
        read_scores(text([LOSS, ("r0", "0", "0", "-inf"), *LOSSES[1:]]).encode())
    with pytest.raises(BadInput, match="row 2"):
        read_scores(text([LOSS, ("r0", "0", "0", "nan"), *LOSSES[1:]]).encode())


def test_a_record_that_is_said_to_be_both_is_refused():
    with pytest.raises(BadInput, match="stand as both: r0"):
        read_scores(text([LOSS, *LOSSES, ("r0", "1", "0", "1.0")]).encode())
    with pytest.raises(BadInput, match="a name for every record"):
        read_scores(text([LOSS, *(("", *r[1:]) for r in LOSSES)]).encode())


@pytest.mark.parametrize(
    "words", [("yes", "no"), ("True", "False"), ("train", "test"), ("1.0", "0.0"), ("in", "out")]
)
def test_members_may_be_told_in_words(words):
    rows = [(r[0], words[0] if r[1] == "1" else words[1], *r[2:]) for r in LOSSES]
    assert read_scores(text([LOSS, *rows]).encode()).member.sum() == 30


def test_a_decimal_comma_is_read_where_semicolons_part_the_cells():
    rows = [(*r[:3], r[3].replace(".", ",")) for r in LOSSES]
    german = read_scores(text([LOSS, *rows], ";").encode())
    np.testing.assert_allclose(german.loss, read_scores(text([LOSS, *LOSSES]).encode()).loss)


def test_records_are_checked_before_anything_is_computed(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2, (150, 6)).astype(float), rng.integers(0, 5, 150)
    hole = x.copy()
    hole[3, 3] = np.nan
    for name, features, labels, words in (
        ("short", x, y[:100], "one label a record"),
        ("flat", x.ravel(), y, "a row a record"),
        ("cube", x.reshape(150, 2, 3), y, "a row a record"),
        ("hole", hole, y, "row 4"),
    ):
        np.savez(tmp_path / f"{name}.npz", features=features, labels=labels)
        with pytest.raises(BadInput, match=words):
            drain(load(f"purchase:{tmp_path / name}.npz", "records"))
    np.savez(tmp_path / "column.npz", features=x, labels=y[:, None])
    np.testing.assert_array_equal(drain(load(f"purchase:{tmp_path / 'column.npz'}", "records")).y, y)
    whole = (tmp_path / "column.npz").read_bytes()
    for blob in (whole[: len(whole) // 2], b"", b"<html>404</html>"):
        (tmp_path / "bad.npz").write_bytes(blob)
        with pytest.raises(BadInput, match="plain arrays"):
            drain(load(f"purchase:{tmp_path / 'bad.npz'}", "records"))


def test_a_table_is_standardised_in_double_precision(tmp_path):
    """Years in seconds differ by less than single precision sees."""
    rng = np.random.default_rng(0)
    values = 1.7e9 + rng.normal(size=200)
    rows = [("when", "label"), *((f"{v:.6f}", "ab"[i % 2]) for i, v in enumerate(values))]
    (tmp_path / "t.csv").write_text(text(rows))
    found = drain(load(f"csv:{tmp_path / 't.csv'}", "records")).x[:, 0]
    np.testing.assert_allclose(found, (values - values.mean()) / values.std(), atol=1e-3)


CELLS = [("a", "b", "label"), *((str(i % 7), f"{i / 3:.3f}", "xy"[i % 2]) for i in range(120))]
WRITTEN = {
    "blank last lines": text(CELLS) + "\n\n",
    "blanks in the header": text([(" a", "b ", " label "), *CELLS[1:]]),
    "a column of row numbers": text([("", *CELLS[0]), *((str(i), *row) for i, row in enumerate(CELLS[1:]))]),
    "a capital": text([("a", "b", "Label"), *CELLS[1:]]),
    "quoted": text([tuple(f'"{cell}"' for cell in row) for row in CELLS]),
    "a comma after each row": "".join(",".join(row) + ",\n" for row in CELLS),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_a_table_of_records_is_read_as_people_mean_it(case, tmp_path):
    for name, written_as in (("plain", text(CELLS)), ("odd", WRITTEN[case])):
        (tmp_path / f"{name}.csv").write_text(written_as)
    plain, odd = (drain(load(f"csv:{tmp_path / name}.csv", "records")) for name in ("plain", "odd"))
    np.testing.assert_array_equal(odd.x, plain.x)
    np.testing.assert_array_equal(odd.y, plain.y)
    assert (odd.columns, odd.classes) == (("a", "b"), ("x", "y"))


@pytest.mark.parametrize("kept", [1, 5])
def test_a_table_with_hardly_a_row_or_an_empty_label_is_refused(kept, tmp_path):
    (tmp_path / "short.csv").write_text(text(CELLS[:kept]))
    with pytest.raises(BadInput, match=f"100 records; got {kept - 1}"):
        drain(load(f"csv:{tmp_path / 'short.csv'}", "records"))
    (tmp_path / "hole.csv").write_text(text([*CELLS[:kept], ("1", "2", ""), *CELLS[kept:]]))
    with pytest.raises(BadInput, match=f"got row {kept + 1}"):
        drain(load(f"csv:{tmp_path / 'hole.csv'}", "records"))


@pytest.mark.parametrize("spoil", ["cut", "noise", "empty", "no such entry"])
def test_an_archive_of_records_that_is_none_is_refused(spoil, tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("other")
        info.size = 5000
        archive.addfile(info, io.BytesIO(np.random.default_rng(0).bytes(5000)))
    blob = out.getvalue()
    spoilt = {"cut": blob[:2000], "noise": blob[:99] + bytes(99) + blob[198:], "empty": b""}.get(spoil, blob)
    (tmp_path / "a.tgz").write_bytes(spoilt)
    for slug in ("purchase", "texas"):
        with pytest.raises(BadInput):
            drain(load(f"{slug}:{tmp_path / 'a.tgz'}", "records"))
