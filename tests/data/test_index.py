"""The index of a split finds what the records themselves say, at once."""

import resource
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from digits_core.data import index
from digits_core.data.reader import read_record, read_samples
from digits_core.data.records import Record, RecordWriter, pack_record, unpack_record
from digits_core.errors import BadData

PICTURE = bytes(range(48))


def database(folder: Path, count: int, source: bool = True) -> Path:
    with RecordWriter(folder / "train.lmdb") as writer:
        for place in range(count):
            size = (10 + place % 50, 40) if source else None
            name = f"Class{place % 7}/{place:06d}.png"
            writer.put(pack_record(Record(place % 7, name, PICTURE, "raw", (3, 4, 4), size)))
    return folder / "train.lmdb"


def test_records_keep_the_size_of_their_source_and_old_ones_have_none() -> None:
    record = Record(1, "a", PICTURE, "raw", (3, 4, 4), (640, 480))
    assert unpack_record(pack_record(record)) == record
    old = record._replace(source=None)
    assert b"source" not in pack_record(old) and unpack_record(pack_record(old)) == old


def test_an_index_finds_by_class_path_and_size(tmp_path: Path) -> None:
    path = database(tmp_path, 100)
    found = index.load(path)
    assert found.find(label=3).tolist() == list(range(3, 100, 7)) and found.find(search="000042").tolist() == [42]
    assert found.find(search="CLASS2/", label=2).tolist() == list(range(2, 100, 7))
    assert found.find(shorter=(1, 11)).tolist() == [0, 1, 50, 51]
    assert read_samples(path, shorter=(1, 11))["total"] == 4 and read_samples(path, label=3)["items"][1]["index"] == 10


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"noise" * 100])
def test_a_missing_or_torn_index_is_made_again(tmp_path: Path, content: bytes) -> None:
    path = database(tmp_path, 20, source=False)
    index.path_of(path).write_bytes(content)
    assert index.load(path).find(label=0).tolist() == [0, 7, 14] and not index.load(path).find(shorter=(1, 99)).size
    with np.load(index.path_of(path)) as whole:
        assert len(whole["labels"]) == 20


def test_a_record_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no record 20"):
        read_record(database(tmp_path, 20), 20)


def cpu_of_page(path: Path, **words: object) -> float:
    """Processor seconds of the child that answers: a busy machine does not change them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    read_samples(path, **words, limit=27)  # type: ignore[arg-type]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
def test_the_first_page_of_100_000_pictures_costs_little_more_than_that_of_1_000(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    large, small = database(tmp_path, 100_000), database(tmp_path / "small", 1_000)
    for path in (large, small):
        index.write(path)
    tracemalloc.start()
    for words in ({}, {"label": 3}, {"search": "0999"}):
        assert read_samples(large, **words, limit=27)["total"] > 50
        assert cpu_of_page(large, **words) < 5 * cpu_of_page(small)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
