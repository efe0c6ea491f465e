"""No archive writes outside its folder, costs more than it may, or leaves anything behind when it is refused."""

import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.errors import BadData, DigitsError, Unsafe
from digits_core.safe.archives import Limits, safe_extract
from tests.data import archives

GOOD = [("a/1.txt", b"one"), ("a/b c/ü\n.txt", b"two"), ("b" * 70 + "/" + "x" * 70 + ".txt", b"")]


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_honest_tar_files_are_unpacked_whole(tmp_path: Path, mode: str, form: int) -> None:
    with tarfile.open(tmp_path / "x.tar", mode, format=form) as archive:
        (tmp_path / "in").mkdir()
        for name, content in GOOD:
            (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / name).write_bytes(content)
        archive.add(tmp_path / "in", "top")
    assert safe_extract(tmp_path / "x.tar", tmp_path / "out") == 3
    assert all((tmp_path / "out" / "top" / name).read_bytes() == content for name, content in GOOD)


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_honest_zip_files_are_unpacked_whole(tmp_path: Path, how: int) -> None:
    archives.zipped(tmp_path / "x.zip", [("a/", b""), *GOOD], how)
    assert safe_extract(tmp_path / "x.zip", tmp_path / "out") == 3
    assert all((tmp_path / "out" / name).read_bytes() == content for name, content in GOOD)


@pytest.mark.parametrize("name", sorted(archives.HOSTILE))
def test_a_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    maker, reason = archives.HOSTILE[name]
    place = tmp_path / "deep" / "place"
    place.mkdir(parents=True)
    path = maker(tmp_path / "archive")
    before = everything(tmp_path)
    with pytest.raises((BadData, Unsafe), match=reason):
        safe_extract(path, place / "out")
    assert everything(tmp_path) == before and not Path("/tmp/evil").exists()


def test_limits_hold_for_members_each_file_and_the_whole(tmp_path: Path) -> None:
    path = archives.zipped(tmp_path / "x.zip", [(f"{n}", os.urandom(1000)) for n in range(20)])
    for limits, reason in ((Limits(members=19), "more than 19 files"), (Limits(each=999), "larger"),
                           (Limits(total=15_000), "unpacks to more")):
        with pytest.raises(BadData, match=reason):
            safe_extract(path, tmp_path / "out", limits)
    assert safe_extract(path, tmp_path / "out", Limits(20, 20_000, 1000)) == 20


def test_a_directory_that_claims_fewer_members_does_not_help(tmp_path: Path) -> None:
    path = archives.zipped(tmp_path / "x.zip", [(f"{n}", b"") for n in range(300)])
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    path.write_bytes(data[:end + 8] + b"\1\0\1\0" + data[end + 12:])
    with pytest.raises(BadData, match="more than 200 files"):
        safe_extract(path, tmp_path / "out", Limits(members=200))


def test_a_cancelled_extraction_leaves_nothing(tmp_path: Path) -> None:
    class Cancelled(BaseException):
        pass

    calls = iter(range(100))

    def tick() -> None:
        if next(calls) == 3:
            raise Cancelled

    path = archives.tar(tmp_path / "x.tar", [(f"{n}", b"x" * 100) for n in range(20)])
    with pytest.raises(Cancelled):
        safe_extract(path, tmp_path / "out", tick=tick)
    assert everything(tmp_path) == {"x.tar"}


def test_twins_that_differ_in_case_or_unicode_form_are_two_files(tmp_path: Path) -> None:
    names = ["A.txt", "a.txt", "\u00e9", "e\u0301", "con", "-rf", "a b\nc"]
    archives.zipped(tmp_path / "x.zip", [(name, b"x") for name in names])
    assert safe_extract(tmp_path / "x.zip", tmp_path / "out") == 7
    assert everything(tmp_path / "out") == set(names)


def test_files_are_private_whatever_the_archive_says(tmp_path: Path) -> None:
    info = tarfile.TarInfo("tool")
    info.mode = 0o6777
    archives.tar(tmp_path / "x.tar", [info])
    safe_extract(tmp_path / "x.tar", tmp_path / "out")
    assert (tmp_path / "out" / "tool").stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize("kind", ["zip", "tar", "gz"])
def test_any_damage_ends_in_a_refusal_or_in_files_inside(tmp_path_factory: pytest.TempPathFactory, kind: str) -> None:
    top = tmp_path_factory.mktemp("damage")
    whole = (archives.zipped(top / "w", GOOD) if kind == "zip"
             else archives.tar(top / "w", GOOD, "w:gz" if kind == "gz" else "w")).read_bytes()

    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=4),
           st.integers(1, len(whole)))
    def damaged(changes: list[tuple[int, int]], end: int) -> None:
        content = bytearray(whole)
        for place, value in changes:
            content[place] = value
        folder = tmp_path_factory.mktemp("x")
        (folder / "x").write_bytes(content[:end])
        try:
            safe_extract(folder / "x", folder / "out")
        except DigitsError as error:
            assert str(error)
            assert everything(folder) == {"x"}

    damaged()
