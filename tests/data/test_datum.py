"""Databases of DIGITS and Caffe become datasets; hostile ones end in words."""

import os
from pathlib import Path

import lmdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.data import datum
from digits_core.data.pictures import decode, prepare
from digits_core.data.records import Records
from digits_core.errors import BadData, InvalidOptions
from digits_core.options import check
from digits_core.services import datasets
from digits_core.tasks.classification import DatasetOptions
from tests.data.conftest import Build, check_sums, reasons
from tests.data.pictures import colour, grey, saved


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def packed(data: bytes, label: int, encoded: bool, shape: tuple[int, int, int] = (3, 8, 12)) -> bytes:
    """A Datum as protobuf writes it."""
    sizes = b"".join(number(field, value) for field, value in enumerate(shape, 1))
    return sizes + varint(4 << 3 | 2) + varint(len(data)) + data + number(5, label) + number(7, int(encoded))


def raw(label: int, shift: int) -> bytes:
    pixels = np.roll(np.asarray(colour()), shift, axis=0).transpose(2, 0, 1)
    return packed(pixels[::-1].tobytes(), label, False)


def database(path: Path, values: list[bytes]) -> Path:
    with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for place, value in enumerate(values):
            transaction.put(b"%08d_cat/%d.png" % (place, place), value)
    return path


def test_raw_and_encoded_records_become_the_right_colours(build: Build, tmp_path: Path) -> None:
    values = [raw(place % 2, place) for place in range(6)]
    kinds = ("PNG", "JPEG", "PNG", "BMP")
    values += [packed(saved(colour(), kind), place % 2, True) for place, kind in enumerate(kinds)]
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\n")
    view = build(method="lmdb", train_db=str(database(tmp_path / "train_db", values)), labels_file=str(labels),
                 val_db=str(database(tmp_path / "val_db", values[:3])), width=12, height=8)
    facts = check_sums(view)
    assert (facts["labels"], facts["used"], facts["source"]["method"]) == (["cat", "dog"], 13, "lmdb")
    records = Records(view.folder.path / "train.lmdb")
    found = {record.path: record for record in records.records(range(len(records)))}
    wanted = prepare(decode(saved(colour()), "x").image, "color", 12, 8, "squash")
    assert np.array_equal(found["00000000_cat/0.png"].pixels(), wanted)
    assert np.array_equal(found["00000006_cat/6.png"].pixels(), wanted)
    assert found["00000001_cat/1.png"].label == 1 and found["00000001_cat/1.png"].source == (12, 8)


def test_grey_records_without_names_are_numbered_and_split(build: Build, tmp_path: Path) -> None:
    values = [packed(np.roll(np.asarray(grey()), place).tobytes(), place % 3, False, (1, 8, 12)) for place in range(30)]
    facts = check_sums(build(method="lmdb", train_db=str(database(tmp_path / "db", values)), channels="gray"))
    assert facts["labels"] == ["0", "1", "2"] and facts["splits"]["val"]["per_class"] == [2, 2, 2]


def test_records_that_are_no_pictures_are_skipped_with_reasons(build: Build, tmp_path: Path) -> None:
    bad = [b"", b"\xff" * 12, packed(b"short", 0, False), packed(b"no file", 0, True), number(5, 1),
           varint(6 << 3 | 2) + varint(4) + b"\0" * 4 + number(1, 1), packed(b"x", 2**40, True),
           packed(bytes(8), 0, False, (2, 2, 2))]
    values = [raw(place % 2, place) for place in range(8)] + bad
    view = build(method="lmdb", train_db=str(database(tmp_path / "db", values)), bad_percent=60)
    assert check_sums(view)["used"] == 8
    words = sorted(reasons(view).values())
    assert len(words) == len(bad)
    assert all(any(part in text for text in words) for part in ("holds 5 values instead of 3 x 8 x 12", "full depth"))


@pytest.mark.parametrize("damage", ["cut", "noise", "middle", "empty"])
def test_a_damaged_database_fails_in_words_and_kills_nobody(build: Build, tmp_path: Path, damage: str) -> None:
    path = database(tmp_path / "db", [raw(place % 2, place) for place in range(200)]) / "data.mdb"
    content = path.read_bytes()
    noise = np.random.default_rng(1).bytes(len(content))
    path.write_bytes({"cut": content[:-9000], "noise": noise, "empty": b"",
                      "middle": content[:8192] + noise[8192:]}[damage])
    view = build(method="lmdb", train_db=str(path.parent))
    assert view.status == "failed" and ("database" in view.state.reason or "cannot be used" in view.state.reason)


def test_labels_must_fit_and_folders_must_be_there(build: Build, tmp_path: Path, workspace) -> None:
    (tmp_path / "labels.txt").write_text("cat\n")
    path = str(database(tmp_path / "db", [raw(place % 2, place) for place in range(6)]))
    view = build(method="lmdb", train_db=path, labels_file=str(tmp_path / "labels.txt"))
    assert "labels file ends at 0" in view.state.reason
    with pytest.raises(InvalidOptions, match="train_db"):
        check(DatasetOptions, {"method": "lmdb"})
    with pytest.raises(InvalidOptions, match="not a folder"):
        check(DatasetOptions, {"method": "lmdb", "train_db": str(tmp_path / "labels.txt")})
    found = datasets.preview(workspace, "classification", {"method": "lmdb", "train_db": path, "width": 8, "height": 8})
    assert found.per_class == {"0": 3, "1": 3} and set(found.example) == {"squash", "crop", "fill", "half"}


def test_only_databases_below_the_roots_are_read(tmp_path: Path) -> None:
    path = database(tmp_path / "db", [raw(0, 0)])
    location = f"datum:{path}//00000000_cat/0.png"
    assert datum.picture(location, [str(tmp_path)]).startswith(b"\x89PNG")
    for place, roots in ((location, [str(tmp_path / "other")]), (f"datum:{tmp_path}/x/../db//a", [])):
        with pytest.raises(BadData, match="outside"):
            datum.picture(place, roots)
    with pytest.raises(BadData, match="not in the database"):
        datum.picture(f"datum:{path}//{os.fsdecode(b'no')}", [])


@given(st.binary(max_size=200) | st.builds(packed, st.binary(max_size=30), st.integers(0, 2**63), st.booleans()))
def test_any_bytes_are_a_record_or_bad_data(value: bytes) -> None:
    try:
        datum.parse(value).picture()
    except BadData:
        return
