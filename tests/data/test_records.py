"""The database grows, keeps odd names, survives pickling, and is refused when it is damaged."""

import pickle
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

from digits_core.data.pictures import pack_pixels
from digits_core.data.reader import read_samples
from digits_core.data.records import Record, Records, RecordWriter, pack_record
from digits_core.errors import BadData, DigitsError
from digits_core.files import DiskFull

NAMES = ["a b.png", "x\ny.png", "ü/é.png", "e\u0301.png", "-rf", "\udcff.png", "\u202eabc", "a'\"\\b", "\U0001f600"]


def written(path: Path, count: int, map_bytes: int = 1 << 28, batch_bytes: int = 1 << 20) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    pixels = [generator.integers(0, 256, (3, 6, 8), np.uint8) for _ in range(count)]
    with RecordWriter(path, map_bytes, batch_bytes) as writer:
        for number, picture in enumerate(pixels):
            payload = pack_pixels(picture, "png")
            writer.put(pack_record(Record(number % 3, NAMES[number % len(NAMES)], payload, "png", (3, 6, 8))))
    return pixels


def test_records_come_back_with_pixels_labels_and_exact_names(tmp_path: Path) -> None:
    pixels = written(tmp_path / "x.lmdb", 30)
    records = Records(tmp_path / "x.lmdb")
    assert len(records) == 30
    assert records.labels().tolist() == [number % 3 for number in range(30)]
    found, labels = records.batch([7, 0, 29])
    assert np.array_equal(found, np.stack([pixels[7], pixels[0], pixels[29]])) and labels.tolist() == [1, 0, 2]
    assert records.paths(range(9)) == NAMES
    assert records.read(3) == Record(0, NAMES[3], pack_pixels(pixels[3], "png"), "png", (3, 6, 8))


def test_the_map_grows_without_losing_or_doubling_a_record(tmp_path: Path) -> None:
    pixels = written(tmp_path / "x.lmdb", 3000, map_bytes=1 << 16, batch_bytes=10_000)
    records = Records(tmp_path / "x.lmdb")
    assert len(records) == 3000 and np.array_equal(records.batch(range(3000))[0], np.stack(pixels))


def test_a_batch_larger_than_the_whole_map_grows_it_too(tmp_path: Path) -> None:
    written(tmp_path / "x.lmdb", 2000, map_bytes=1 << 14, batch_bytes=1 << 30)
    assert len(Records(tmp_path / "x.lmdb")) == 2000


def test_records_can_be_pickled_to_another_process(tmp_path: Path) -> None:
    pixels = written(tmp_path / "x.lmdb", 5)
    records = Records(tmp_path / "x.lmdb")
    copy = pickle.loads(pickle.dumps(records))
    assert np.array_equal(copy.read(4).pixels(), pixels[4]) and len(copy) == 5


def test_a_record_that_is_not_there_is_told(tmp_path: Path) -> None:
    written(tmp_path / "x.lmdb", 5)
    with pytest.raises(BadData, match="has no record 5; it has 5"):
        Records(tmp_path / "x.lmdb").read(5)
    with pytest.raises(BadData, match="cannot be read"):
        Records(tmp_path / "none.lmdb")


def test_no_lock_file_is_left_and_reading_makes_none(tmp_path: Path) -> None:
    written(tmp_path / "x.lmdb", 5)
    Records(tmp_path / "x.lmdb").labels()
    assert [path.name for path in (tmp_path / "x.lmdb").iterdir()] == ["data.mdb"]


def test_a_writer_that_fails_leaves_the_lock_so_nobody_takes_it_for_whole(tmp_path: Path) -> None:
    with pytest.raises(KeyError), RecordWriter(tmp_path / "x.lmdb"):
        raise KeyError
    assert (tmp_path / "x.lmdb" / "lock.mdb").exists()


def test_a_truncated_database_is_refused_at_every_length_and_nobody_dies(tmp_path: Path) -> None:
    written(tmp_path / "x.lmdb", 300)
    path = tmp_path / "x.lmdb" / "data.mdb"
    whole = path.read_bytes()
    for end in [0, 1, 40, 100, 4095, 4096, 8191, 8192, *range(8193, len(whole), 5001), len(whole) - 1]:
        path.write_bytes(whole[:end])
        with pytest.raises(BadData, match=r"truncated|no LMDB|Build the dataset again"):
            Records(tmp_path / "x.lmdb")
    path.write_bytes(whole)
    assert len(Records(tmp_path / "x.lmdb")) == 300


def test_garbage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.lmdb").mkdir()
    for content in (b"\xff" * 20_000, bytes(20_000), b"<html>" * 5000):
        (tmp_path / "x.lmdb" / "data.mdb").write_bytes(content)
        with pytest.raises(BadData, match="no LMDB"):
            Records(tmp_path / "x.lmdb")


def test_damage_in_the_middle_costs_a_reader_process_at_most(tmp_path: Path) -> None:
    written(tmp_path / "x.lmdb", 300)
    path = tmp_path / "x.lmdb" / "data.mdb"
    whole = path.read_bytes()
    generator = np.random.default_rng(3)
    for _ in range(12):
        content = bytearray(whole)
        for place in generator.integers(8192, len(whole), 40):
            content[place] = int(generator.integers(256))
        path.write_bytes(content)
        try:
            read_samples(tmp_path / "x.lmdb", search="a")
        except DigitsError as error:
            assert "damaged" in str(error) or "Build the dataset again" in str(error)


def test_samples_are_paged_filtered_and_searched_in_another_process(tmp_path: Path) -> None:
    written(tmp_path / "x.lmdb", 30)
    page = read_samples(tmp_path / "x.lmdb", offset=28, limit=24)
    assert (page["total"], [item["index"] for item in page["items"]]) == (30, [28, 29])
    page = read_samples(tmp_path / "x.lmdb", label=1, offset=1, limit=2)
    assert (page["total"], [item["index"] for item in page["items"]]) == (10, [4, 7])
    assert read_samples(tmp_path / "x.lmdb", search="Ü/É")["total"] == 4


def test_a_write_that_the_disk_refuses_is_called_a_full_disk(tmp_path: Path) -> None:
    script = (f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); import resource, signal\n"
              "from pathlib import Path; from digits_core import files\n"
              "from digits_core.data.records import RecordWriter\n"
              "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); files.free_bytes = lambda path: 0\n"
              "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
              "try:\n with RecordWriter(Path(sys.argv[1])) as w:\n  [w.put(bytes(1000)) for _ in range(1000)]\n"
              "except files.DiskFull as error: print(error)\n")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x.lmdb")], capture_output=True, text=True)
    assert "The disk is full" in done.stdout, done.stderr
    assert issubclass(DiskFull, DigitsError) and lmdb.Error
