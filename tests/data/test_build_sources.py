"""Every place that pictures can come from ends in the same kind of dataset."""

from pathlib import Path

import pytest

from digits_core.jobs.model import Status
from tests.data import archives, pictures, webserver
from tests.data.conftest import Build, check_sums, reasons, write_list


def test_text_lists_with_labels_and_an_image_folder(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a b": 6, "c": 6})
    train = write_list(tmp_path / "train.txt", [f"a b/{n:04d}.png 0" for n in range(6)]
                       + [f"{top}/c/{n:04d}.png\t2" for n in range(4)] + ["c/missing.png 2"])
    val = write_list(tmp_path / "val.txt", ["c/0004.png 2", "c/0005.png 2"])
    labels = write_list(tmp_path / "labels.txt", ["first", "never", "third"])
    view = build(method="text", train_list=train, val_list=val, labels_file=labels, image_folder=str(top),
                 bad_percent=10)
    facts = check_sums(view)
    assert facts["labels"] == ["first", "never", "third"]
    assert facts["splits"]["train"]["per_class"] == [6, 0, 4] and facts["splits"]["val"]["per_class"] == [0, 0, 2]
    assert reasons(view) == {"c/missing.png": "is not there"}


def test_text_lists_without_labels_use_the_numbers_and_start_beside_the_list(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 4, "b": 4})
    train = write_list(top / "train.txt", [f"{c}/{n:04d}.png {i}" for i, c in enumerate("ab") for n in range(4)])
    facts = check_sums(build(method="text", train_list=train))
    assert facts["labels"] == ["0", "1"] and facts["splits"]["val"]["entries"] == 2


def test_wrong_lines_fail_the_build_with_their_numbers(build: Build, tmp_path: Path) -> None:
    train = write_list(tmp_path / "train.txt", ["a.png 0", "b.png cat"])
    view = build(method="text", train_list=train)
    assert view.status is Status.FAILED and "line 2: 'cat' is not a label number" in view.state.reason


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_uploaded_archive_lies_in_the_job_folder(build: Build, tmp_path: Path, kind: str) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 5, "b": 5})
    members = [(f"wrapped/{path.relative_to(top)}", path.read_bytes()) for path in sorted(top.rglob("*.png"))]
    members.append(("__MACOSX/wrapped/a/._0000.png", b"x"))

    def fill(hidden: Path) -> None:
        (hidden / "upload").mkdir()
        if kind == "zip":
            archives.zipped(hidden / "upload" / "up.zip", members)
        else:
            archives.tar(hidden / "upload" / "up.zip", members, "w:gz")

    facts = check_sums(build(fill, method="archive", archive="job:upload/up.zip"))
    assert facts["labels"] == ["a", "b"] and facts["used"] == 10


def test_a_hostile_archive_fails_with_its_reason_and_leaves_nothing(build: Build, tmp_path: Path) -> None:
    path = archives.HOSTILE["tar-traversal"][0](tmp_path / "x.tar")
    view = build(method="archive", archive=str(path))
    assert view.status is Status.FAILED and "leads out of the archive's folder" in view.state.reason
    assert not (view.folder.path / ".staging").exists() and view.folder.manifest() == {}
    assert "job:../../x" not in view.state.reason
    assert "no path inside" in build(method="archive", archive="job:../../x").state.reason


def site(top: Path) -> dict[str, webserver.Answer]:
    """Pages of a web server that lists the class folders of ``top``."""
    pages: dict[str, webserver.Answer] = {"/data/": webserver.index("a/", "b/", "readme.txt")}
    for name in "ab":
        files = sorted(path.name for path in (top / name).iterdir())
        pages[f"/data/{name}/"] = webserver.index(*files, "http://elsewhere.example/x.png")
        pages |= {f"/data/{name}/{file}": webserver.body((top / name / file).read_bytes()) for file in files}
    return pages


def test_a_web_address_of_class_folders(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 6, "b": 6})
    pages = site(top)
    pages["/data/b/0001.png"] = webserver.status(403)
    with webserver.serving(pages) as (address, seen):
        view = build(folder=f"{address}/data", bad_percent=20)
    facts = check_sums(view)
    assert facts["labels"] == ["a", "b"] and facts["used"] == 11
    [(path, reason)] = reasons(view).items()
    assert path == "b/0001.png" and "status 403" in reason and not any("elsewhere" in path for path in seen)


def test_a_list_of_addresses(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 4, "b": 4})
    with webserver.serving(site(top)) as (address, _):
        lines = [f"{address}/data/{c}/{n:04d}.png {i}" for i, c in enumerate("ab") for n in range(4)]
        facts = check_sums(build(method="text", train_list=write_list(tmp_path / "train.txt", lines)))
    assert facts["used"] == 8


def test_a_private_address_that_is_not_allowed_is_not_fetched(
        build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITS_PRIVATE_HOSTS")
    with webserver.serving({}) as (address, seen):
        view = build(folder=f"{address}/data")
    assert view.status is Status.FAILED and "private or local network" in view.state.reason and seen == []


def test_pictures_outside_the_data_roots_are_not_read(
        build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 20, "b": 20})
    secret = tmp_path / "secret.png"
    secret.write_bytes(pictures.saved(pictures.colour()))
    (top / "a" / "link.png").symlink_to(secret)
    monkeypatch.setenv("DIGITS_DATA_ROOTS", str(top))
    assert reasons(build(folder=str(top))) == {"a/link.png": "is outside the folders that this server may read"}
    view = build(folder=str(tmp_path))
    assert view.status is Status.FAILED and "outside the folders" in view.state.reason
