"""Paths from people stay inside the folders that may be read, whatever they are made of."""

import os
import threading
from pathlib import Path

import pytest

from digits_core.errors import BadData, DigitsError, NotFound, Unsafe
from digits_core.safe import complete_path, is_url, read_regular, safe_join, safe_path


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    for name in ("data", "data_evil", "data/cats", "data/Dogs", "data/.hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    (tmp_path / "secret").write_text("s")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data" / "loop")
    return [tmp_path / "data"]


def test_a_path_inside_is_resolved(roots: list[Path], tmp_path: Path) -> None:
    (tmp_path / "data" / "alias").symlink_to("cats")
    assert safe_path(f"{roots[0]}/alias/../a.txt", roots) == roots[0] / "a.txt"
    assert safe_path(f"{roots[0]}/alias", roots) == roots[0] / "cats"
    assert safe_path(str(tmp_path / "secret")) == tmp_path / "secret"


@pytest.mark.parametrize("text", [
    "", "a.txt", "~root", "-rf", "$HOME", "*", "{root}/../secret", "{root}_evil", "{root}/link", "{root}/loop",
    "/etc/passwd", "//etc/passwd", "{root}/a.txt\0.png", "{root}/" + "x" * 300,
    "/" + "x/" * 3000, "{root}/%2e%2e/secret", "{root}/..;/secret", "file://{root}/a.txt", "C:\\x", "\\\\srv\\x",
    "{root}/\udcff\ud800", "{root}/\uff0e\uff0e/secret", "{root}/../../../../../../etc/passwd"])
def test_hostile_paths_are_refused_with_words(roots: list[Path], text: str) -> None:
    with pytest.raises((Unsafe, NotFound)) as caught:
        safe_path(text.replace("{root}", str(roots[0])), roots)
    assert str(caught.value).encode()


def test_outside_the_roots_nothing_is_told_about_existence(roots: list[Path], tmp_path: Path) -> None:
    with pytest.raises(Unsafe) as there:
        safe_path(str(tmp_path / "secret"), roots)
    with pytest.raises(Unsafe) as missing:
        safe_path(str(tmp_path / "nothin"), roots)
    assert str(there.value).replace("secret", "nothin") == str(missing.value)


@pytest.mark.parametrize("text", ["/proc/self/environ", "/sys", "/dev/zero", "/proc"])
def test_the_kernels_own_folders_are_never_read(text: str) -> None:
    with pytest.raises(Unsafe):
        safe_path(text)


@pytest.mark.parametrize("name", ["a b", "x\ny", "ü", "e\u0301", "-rf", "~", "\u202eabc", "a'\"b", "\udcff"])
def test_odd_names_work(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert safe_path(str(tmp_path / name), [tmp_path]) == tmp_path / name


def test_joins_stay_inside(roots: list[Path]) -> None:
    assert safe_join(roots[0], "new/file.zip") == roots[0] / "new" / "file.zip"
    for text in ("../x", "a/../../x", "/etc/passwd", "link", "", "a\0b"):
        with pytest.raises(Unsafe):
            safe_join(roots[0], text)


def test_completion_lists_folders_inside_only(roots: list[Path], tmp_path: Path) -> None:
    root = str(roots[0])
    assert complete_path(f"{root}/", roots) == [f"{root}/Dogs/", f"{root}/cats/"]
    assert complete_path(f"{root}/c", roots) == [f"{root}/cats/"]
    assert complete_path(f"{root}/.h", roots) == [f"{root}/.hidden/"]
    assert complete_path(f"{root}/", roots, files=True) == [f"{root}/Dogs/", f"{root}/a.txt", f"{root}/cats/"]
    assert complete_path(f"{tmp_path}/", roots) == [f"{root}/"]
    assert complete_path("/etc/", roots) == [] and complete_path("/proc/") == []
    assert complete_path("", roots) == [f"{root}/"]


def test_addresses_are_told_from_paths() -> None:
    assert is_url("http://x/") and is_url(" HTTPS://x") and not is_url("/http://x") and not is_url("ftp://x")


def test_only_regular_files_are_read_and_a_pipe_does_not_hang(roots: list[Path]) -> None:
    os.mkfifo(roots[0] / "pipe.png")
    for path, reason in ((roots[0] / "pipe.png", "not a regular file"), (roots[0] / "cats", "is a folder"),
                         (roots[0] / "none", "not there"), (roots[0] / "loop", "circle"),
                         (roots[0] / "link", "outside"), (Path("/dev/zero"), "not a regular file")):
        with pytest.raises(BadData, match=reason):
            read_regular(str(path), [str(roots[0].resolve())])
    with pytest.raises(BadData, match="at most"):
        read_regular(str(roots[0] / "a.txt"), limit=0)
    assert read_regular(str(roots[0] / "a.txt")) == b"a"


def test_a_link_swapped_in_while_reading_never_leads_outside(roots: list[Path], tmp_path: Path) -> None:
    inside, ended = roots[0].resolve(), threading.Event()
    target = inside / "swapped"
    for name, to in (("to_inside", "a.txt"), ("to_secret", "../secret")):
        (inside / name).symlink_to(to)
    target.symlink_to("a.txt")

    def swap() -> None:
        while not ended.is_set():
            for to in ("../secret", "a.txt"):
                (inside / "next").symlink_to(to)
                (inside / "next").replace(target)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(1000):
            try:
                assert read_regular(str(target), [str(inside)]) == b"a"
            except DigitsError as error:
                assert "outside" in str(error)
    finally:
        ended.set()
        thread.join()
