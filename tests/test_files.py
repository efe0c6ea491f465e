"""Files are whole, durable, or not there; readers accept whatever they meet."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core import files
from tests.faults.waiting import until

HOSTILE = ["plain.json", "with space.json", "quote'\".json", "ünï ç.json", "-rf", "a" * 230]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    files.write_atomic(tmp_path / name, {"a": [1, "ü"]})
    files.write_atomic(tmp_path / name, {"a": 2})
    assert files.read_json(tmp_path / name) == {"a": 2}
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_of_many_racing_writers_exactly_one_creates_the_file(tmp_path: Path) -> None:
    wins: list[int] = []
    barrier = threading.Barrier(16)

    def race(number: int) -> None:
        barrier.wait()
        if files.write_once(tmp_path / "claim", {"by": number}):
            wins.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files.read_json(tmp_path / "claim") == {"by": wins[0]} and len(wins) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, float("-inf")]])
def test_values_that_strict_readers_refuse_are_never_written(tmp_path: Path, value: object) -> None:
    files.write_atomic(tmp_path / "a.json", {"v": 1})
    with pytest.raises(ValueError, match="JSON"):
        files.write_atomic(tmp_path / "a.json", {"v": value})
    with pytest.raises(ValueError, match="JSON"):
        files.append_jsonl(tmp_path / "a.jsonl", {"v": value})
    assert files.read_json(tmp_path / "a.json") == {"v": 1} and not (tmp_path / "a.jsonl").exists()


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"3", b"\xff\xfe\x00", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": -Infinity}',
    b"[" * 100_000, b'{"a":' * 5_000, b'{"a": 1} x', b"\0" * 512, b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_whole_object_of_finite_values_reads_as_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert files.read_json(tmp_path / "a.json") is None


def test_a_missing_file_a_folder_and_a_dangling_link_read_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for path in (tmp_path / "gone", tmp_path, tmp_path / "link", tmp_path / "link" / "x"):
        assert files.read_json(path) is None
        assert files.read_jsonl(path, 7) == ([], 7)
        assert files.tail(path) == ""


def test_an_editor_s_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert files.read_json(tmp_path / "a.json") == {"a": 1}


# --- lines

def test_a_line_after_a_torn_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2, "tor')
    files.append_jsonl(path, {"a": 3})
    assert files.read_jsonl(path)[0] == [{"a": 1}, {"a": 3}]


def test_a_last_line_without_its_end_waits_for_the_next_call(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}')
    rows, offset = files.read_jsonl(path)
    assert rows == [{"a": 1}]
    with path.open("ab") as file:
        file.write(b"\n")
    assert files.read_jsonl(path, offset) == ([{"a": 2}], 18)


@pytest.mark.parametrize("offset", [-1, 1, 7, 10**6, 10**30])
def test_an_offset_that_is_no_line_start_begins_again(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    assert files.read_jsonl(path, offset) == ([{"a": 1}, {"a": 2}], 18)


def test_rows_written_after_a_cut_are_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    for step in range(10):
        files.append_jsonl(path, {"step": step})
    _, offset = files.read_jsonl(path)
    os.truncate(path, 33)  # a resume cuts what came after its checkpoint, in the middle of a line
    files.append_jsonl(path, {"step": 3, "again": True})
    assert files.read_jsonl(path, offset)[0] == [{"step": 0}, {"step": 1}, {"step": 3, "again": True}]


text = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
row_values = st.dictionaries(text, st.none() | st.integers(-2**53, 2**53) | text | st.floats(allow_nan=False,
                             allow_infinity=False), max_size=4)


@given(st.lists(row_values, max_size=12), st.lists(st.integers(1, 40), max_size=30))
def test_a_reader_that_comes_at_any_moment_gets_every_row_once(
        tmp_path_factory: pytest.TempPathFactory, rows: list[files.Json], cuts: list[int]) -> None:
    path = tmp_path_factory.mktemp("rows") / "m.jsonl"
    content = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    got: list[files.Json] = []
    offset = written = 0
    path.touch()
    for cut in [*cuts, len(content)]:
        with path.open("ab") as file:
            file.write(content[written:written + cut])
        written += cut
        new, offset = files.read_jsonl(path, offset)
        got += new
    assert got == rows and offset == len(content)


@given(st.binary(max_size=300))
def test_no_bytes_break_a_reader_or_the_next_writer(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("junk") / "m.jsonl"
    path.write_bytes(junk)
    before, _ = files.read_jsonl(path)
    files.append_jsonl(path, {"whole": True})
    assert files.read_jsonl(path)[0][-1] == {"whole": True}
    assert all(isinstance(row, dict) for row in before)


# --- kills

WRITER = """
    import sys
    from pathlib import Path
    from digits_core import files
    path, number = Path(sys.argv[1]), 0
    while True:
        number += 1
        content = {"number": number, "padding": "x" * 200_000}
        %s
        print(number, flush=True)
"""
ATOMIC = "files.write_atomic(path, content)"
NAIVE = """with path.open("w") as file:
            __import__("json").dump(content, file)"""
APPEND = "files.append_jsonl(path, content)"


def killed(path: Path, write: str, lines: int) -> int:
    """Run a writer, kill it while it writes, and give the last number that it acknowledged."""
    code = textwrap.dedent(WRITER) % write
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, str(path)], stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}) as child:
        assert child.stdout is not None
        last = 0
        for _ in range(lines):
            last = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
    return int(rest[-1]) if rest else last


def torn_or_lost(tmp_path: Path, write: str, rounds: int) -> int:
    """How many of ``rounds`` kills left a file that is torn, or older than what was acknowledged."""
    bad = 0
    for number in range(rounds):
        path = tmp_path / f"{number}.json"
        acknowledged = killed(path, write, 1 + number % 5)
        content = files.read_json(path)
        bad += content is None or content["number"] < acknowledged
    return bad


def test_a_killed_writer_leaves_no_torn_file_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    assert torn_or_lost(tmp_path, ATOMIC, rounds=15) == 0


@pytest.mark.slow
def test_the_kill_loop_catches_a_writer_that_writes_in_place(tmp_path: Path) -> None:
    assert torn_or_lost(tmp_path, NAIVE, rounds=60) > 0


@pytest.mark.slow
def test_two_hundred_kills_tear_nothing(tmp_path: Path) -> None:
    assert torn_or_lost(tmp_path, ATOMIC, rounds=200) == 0


def test_lines_of_a_killed_writer_are_whole_up_to_the_last_acknowledged_one(tmp_path: Path) -> None:
    for number in range(8):
        path = tmp_path / f"{number}.jsonl"
        acknowledged = killed(path, APPEND, 2 + number)
        files.append_jsonl(path, {"number": -1})
        numbers = [row["number"] for row in files.read_jsonl(path)[0]]
        assert numbers[:acknowledged] == list(range(1, acknowledged + 1)) and numbers[-1] == -1


# --- disks

def test_a_full_disk_is_named_and_the_old_file_stays(small_disk: Path) -> None:
    path = small_disk / "state.json"
    files.write_atomic(path, {"v": "old"})
    with pytest.raises(files.DiskFull, match=r"The disk is full: state\.json could not be written.*Free some space"):
        files.write_atomic(path, "x" * 10_000_000)
    assert files.read_json(path) == {"v": "old"}
    assert [p.name for p in small_disk.iterdir()] == ["state.json"]


def test_lines_go_on_after_a_full_disk_has_room_again(small_disk: Path) -> None:
    path, ballast = small_disk / "m.jsonl", small_disk / "ballast"
    files.append_jsonl(path, {"step": 1})
    fill(ballast)
    with pytest.raises(files.DiskFull):
        for _ in range(100):
            files.append_jsonl(path, {"padding": "x" * 5000})
    ballast.unlink()
    files.append_jsonl(path, {"step": 2})
    rows = files.read_jsonl(path)[0]
    assert rows[0] == {"step": 1} and rows[-1] == {"step": 2}


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


@pytest.fixture
def small_disk(tmp_path: Path) -> "Callable[[], Path] | object":
    """A disk of 2 MB, where the system lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True,
                      check=False).returncode:
        pytest.skip("mounting a small disk needs more rights; the same is tested with errors of the system calls")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("code", "kind", "words"), [
    (errno.ENOSPC, files.DiskFull, "The disk is full"), (errno.EDQUOT, files.DiskFull, "The disk is full"),
    (errno.EIO, files.NotWritable, "reports an error"), (errno.EROFS, files.NotWritable, "read-only"),
    (errno.EACCES, files.NotWritable, "permission"), (errno.EFBIG, files.NotWritable, "ulimit")])
def test_errors_of_the_disk_are_named_and_nothing_half_is_published(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception], words: str) -> None:
    path = tmp_path / "a.json"
    files.write_atomic(path, {"v": "old"})

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    for write in (lambda: files.write_atomic(path, {"v": "new"}), lambda: files.write_once(tmp_path / "b.json", {}),
                  lambda: files.append_jsonl(tmp_path / "m.jsonl", {"a": 1})):
        with pytest.raises(kind, match=words):
            write()
    assert files.read_json(path) == {"v": "old"}
    assert not (tmp_path / "b.json").exists() and not list(tmp_path.glob(".*.tmp"))


def test_a_file_size_limit_is_named(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(files.NotWritable, match="larger than this process may write"):
            files.write_atomic(tmp_path / "a.json", "x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.json").mkdir()
    with pytest.raises(files.NotWritable, match="a folder stands in its place"):
        files.write_atomic(tmp_path / "notes.json", {})
    assert files.write_once(tmp_path / "notes.json", {}) is False


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    files.write_atomic(tmp_path / "a", b"old")
    with pytest.raises(KeyError), files.atomic(tmp_path / "a") as file:
        file.write(b"half")
        raise KeyError
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_whole_files_are_synced_before_they_are_shown_and_their_folder_after(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("fsync", "replace", "link"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _n=name, _r=real: (calls.append(_n), _r(*a))[1])
    files.write_atomic(tmp_path / "a", b"1")
    files.write_once(tmp_path / "b", b"1")
    assert calls == ["fsync", "replace", "fsync", "fsync", "link", "fsync"]


# --- sizes and tails

def test_a_tail_starts_at_a_line_and_survives_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"first\n" + b"\xff\xfe second\nthird\n")
    assert files.tail(path, 12) == "third\n"
    assert files.tail(path, 1000).startswith("first\n")
    path.write_bytes(b"x" * 100)
    assert files.tail(path, 10) == "x" * 10


def test_the_size_of_a_folder_is_what_it_occupies_even_while_it_vanishes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "data").write_bytes(b"x" * 50_000)
    (tmp_path / "a" / "link").symlink_to("/")
    with (tmp_path / "a" / "sparse").open("wb") as file:
        file.truncate(10**9)
    assert 50_000 <= files.folder_bytes(tmp_path / "a") < 200_000
    assert files.folder_bytes(tmp_path / "gone") == 0


def test_free_space_is_that_of_the_nearest_folder_there_is(tmp_path: Path) -> None:
    assert abs(files.free_bytes(tmp_path / "not" / "yet") - files.free_bytes(tmp_path)) < 10**9
    assert until(lambda: files.free_bytes(tmp_path) > 0)


@pytest.mark.parametrize("data, rows", [
    (b'{"a": 1}\n\n{"a": 2.5}\n', [{"a": 1}, {"a": 2.5}]),
    (b'{"a": 1}\n{"a": NaN}\n{"a": 1e999}\n[1]\n', [{"a": 1}]),
    (b'{"a": 1},{"a": 2}\n{"a": 3}\n', [{"a": 3}]),
    (b'{"a": 1e999}\n{"a": 1e100}\n', [{"a": 1e100}]),
    (b'{"a": 1\n"b": 2}\n{"a": 3},{"a": 4}\n', []),
    (b'\xff\n{"a": "\xc3\xa9"}\n', [{"a": "\u00e9"}])])
def test_rows_are_the_same_whether_read_at_once_or_one_by_one(tmp_path, data, rows):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    assert files.read_jsonl(path) == (rows, len(data))
