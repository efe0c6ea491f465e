"""Datasets from S3 are those of the same folder, on a bounded disk, and nobody learns the key."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from digits_core import files
from digits_core.credentials import s3_credentials
from digits_core.data import places, s3_mirror
from digits_core.data.pool import Pool
from digits_core.data.s3_cache import ObjectCache
from digits_core.data.skipped import read_skipped
from digits_core.errors import BadState, InvalidOptions
from digits_core.jobs import confine
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.safe import s3 as door
from digits_core.services import datasets, jobs
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.data import pictures
from tests.data.s3server import S3, SECRET, s3_server
from tests.ticking import Tick

SMALL = {"width": 8, "height": 6}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(autouse=True)
def lab(s3: S3, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator has set up the credentials "lab"."""
    for name, value in {"S3_LAB_ENDPOINT": s3.endpoint, "S3_LAB_KEY": "test", "S3_LAB_SECRET": SECRET,
                        "JOBS_DIR": str(settings.jobs_dir)}.items():
        monkeypatch.setenv(f"DIGITS_{name}", value)


@pytest.fixture
def bucket(s3: S3, request: pytest.FixtureRequest) -> str:
    """An empty bucket of the test's own."""
    name = f"b{abs(hash(request.node.nodeid)) % 10**12}"
    s3.client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def make(workspace: Workspace, run: Tick) -> Callable[..., JobView]:
    """Creates a dataset as everybody does, and builds it here."""
    def made(task: str = "classification", **options: Any) -> JobView:
        values = {**SMALL, **options}
        return run(datasets.create_dataset(workspace, "ann", task, "set", values))

    return made


def facts(view: JobView) -> dict[str, Any]:
    assert view.status is Status.DONE, view.state
    return {name: value for name, value in view.folder.manifest().items() if name != "source"}


def test_the_dataset_from_s3_is_that_of_the_same_folder(s3: S3, bucket: str, make: Callable[..., JobView],
                                                        tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"cat": 9, "dog": 7, "rare": 1})
    (top / "dog" / "0000.png").write_bytes(b"no picture")
    (top / "readme.txt").write_text("not a class")
    s3.upload(top, bucket, "mnist/train/")
    options = {"max_per_class": 6, "test_percent": 20, "bad_percent": 50}
    remote = make(method="s3", folder=f"s3://{bucket}/mnist/train", s3_credentials="lab", **options)
    assert facts(remote) == facts(make(folder=str(top), **options))
    assert remote.folder.manifest()["source"]["folder"] == f"s3://{bucket}/mnist/train"
    assert not (remote.folder.path / ".staging").exists()


def test_more_keys_than_a_page_holds_are_all_listed(s3: S3, bucket: str, settings: Settings) -> None:
    backend_upload(s3, bucket, {f"deep/{number:04d}.png": b"x" for number in range(1020)})
    who = s3_credentials(settings.secrets_file)["lab"]
    pages = list(door.Bucket(bucket, who).pages("deep/"))
    assert [len(page) for page in pages] == [1000, 20]
    assert [one.key for page in pages for one in page] == [f"deep/{number:04d}.png" for number in range(1020)]


@pytest.mark.slow
def test_a_dataset_larger_than_the_cache_never_takes_more_disk_than_the_cache_may(
        s3: S3, bucket: str, make: Callable[..., JobView], monkeypatch: pytest.MonkeyPatch) -> None:
    picture, limit = pictures.saved(pictures.grey()), 20_000
    backend_upload(s3, bucket, {f"{name}/{number:04d}.png": picture + bytes([number]) * 400
                                for name in "ab" for number in range(40)})  # twice the limit
    monkeypatch.setenv("DIGITS_S3_CACHE_GB", str(limit / 1e9))
    monkeypatch.setattr(s3_mirror, "AHEAD", 4)
    monkeypatch.setattr(Pool, "_next", one_at_a_time(Pool._next))
    highest, alone = 0, ObjectCache._alone

    @contextmanager
    def watched(self: ObjectCache) -> Iterator[None]:
        nonlocal highest
        with alone(self):  # nobody adds or removes a file meanwhile; they are renamed only
            yield
            sizes = {}
            for path in self.folder.glob("??/*"):
                with suppress(FileNotFoundError):
                    facts = path.stat()
                    sizes[facts.st_ino] = facts.st_size
            highest = max(highest, sum(sizes.values()))

    monkeypatch.setattr(ObjectCache, "_alone", watched)
    assert facts(make(folder=f"s3://{bucket}", s3_credentials="lab"))["used"] == 80
    assert limit / 2 < highest <= limit


def one_at_a_time(give: Any) -> Any:
    """Chunks of one picture: decoding holds few at a time."""
    def next_chunk(pool: Pool, source: Iterator[Any]) -> Any:
        pool.size = 1
        return give(pool, source)

    return next_chunk


def backend_upload(s3: S3, bucket: str, objects: dict[str, bytes]) -> None:
    """Objects put straight into the server's memory: a thousand requests would take half a minute."""
    from moto.s3.models import s3_backends

    backend = s3_backends["123456789012"]["aws"]
    for key, content in objects.items():
        backend.put_object(bucket, key, content)


def test_a_second_build_fetches_nothing_again_unless_copies_were_not_to_be_kept(
        s3: S3, bucket: str, make: Callable[..., JobView], tmp_path: Path, settings: Settings) -> None:
    s3.upload(pictures.class_folders(tmp_path / "set", {"a": 3, "b": 3}), bucket)
    cache = settings.jobs_dir / places.CACHE

    def kept() -> set[str]:
        return {path.name for path in cache.glob("??/*")}

    make(folder=f"s3://{bucket}", s3_credentials="lab", s3_keep=False)
    assert kept() == set() and (cache / "used").read_text() == "0"
    make(folder=f"s3://{bucket}", s3_credentials="lab")
    assert len(kept()) == 6
    s3.client.put_object(Bucket=bucket, Key="a/0000.png", Body=pictures.saved(pictures.colour()))
    times = {path.name: path.stat().st_ctime_ns for path in cache.glob("??/*")}
    make(folder=f"s3://{bucket}", s3_credentials="lab")
    assert len(kept()) == 7 and kept() > set(times)  # only what changed came again


def test_an_object_that_vanished_after_it_was_listed_is_a_skipped_picture(
        s3: S3, bucket: str, make: Callable[..., JobView], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    s3.upload(pictures.class_folders(tmp_path / "set", {"a": 5, "b": 5}), bucket)
    listed = door.Bucket.pages

    def vanishing(self: door.Bucket, *words: Any) -> Iterator[list[door.S3Object]]:
        yield from listed(self, *words)
        s3.client.delete_object(Bucket=bucket, Key="a/0001.png")
        s3.client.put_object(Bucket=bucket, Key="b/0001.png", Body=b"another")

    monkeypatch.setattr(door.Bucket, "pages", vanishing)
    view = make(folder=f"s3://{bucket}", s3_credentials="lab", bad_percent=50)
    assert facts(view)["used"] == 8
    assert {row.path for row in read_skipped(view.folder.path / "skipped.csv")} == {"a/0001.png", "b/0001.png"}


@pytest.mark.parametrize("key", ["a/../../escape.png", "a//b.png", f"a/{'x' * 300}.png", "a/ok.png/under.png"])
def test_a_key_that_no_file_can_have_is_skipped_and_leaves_its_folder_never(
        s3: S3, bucket: str, make: Callable[..., JobView], tmp_path: Path, key: str) -> None:
    picture = pictures.saved(pictures.colour())
    backend_upload(s3, bucket, {name: picture for name in ("a/ok.png", "a/two.png", "b/1.png", "b/2.png", key)})
    view = make(folder=f"s3://{bucket}", s3_credentials="lab", bad_percent=50)
    assert facts(view)["used"] == 4 and facts(view)["skipped"] == 1
    assert not [path for path in tmp_path.rglob("escape.png")]


def test_other_tasks_read_their_folders_from_s3_too(s3: S3, bucket: str, make: Callable[..., JobView],
                                                    tmp_path: Path) -> None:
    for name, kind in (("in", pictures.colour), ("out", pictures.grey)):
        for number in range(4):
            s3.client.put_object(Bucket=bucket, Key=f"set/{name}/{number}.png", Body=pictures.saved(kind()))
    view = make("processing", folder=f"s3://{bucket}/set/in", wanted_folder=f"s3://{bucket}/set/out",
                s3_credentials="lab")
    assert facts(view)["used"] == 4 and facts(view)["target"]


def problem(workspace: Workspace, **options: Any) -> tuple[str, str]:
    with pytest.raises(InvalidOptions) as error:
        datasets.create_dataset(workspace, "ann", "classification", "set", {**SMALL, **options})
    [found] = error.value.problems
    assert SECRET not in str(error.value)
    return found.field, found.message


def test_what_is_wrong_is_told_at_its_field_before_the_job_starts(
        s3: S3, bucket: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = {"s3_credentials": "lab"}
    assert problem(workspace, folder="s3://no-such-bucket/x", **lab)[0] == "folder"
    assert "holds nothing" in problem(workspace, folder=f"s3://{bucket}/nowhere", **lab)[1]
    assert problem(workspace, folder=f"s3://{bucket}", s3_credentials="other") == (
        "s3_credentials", "There are no S3 credentials 'other' on this server; there are lab.")
    assert "s3://bucket/path" in problem(workspace, folder="s3://../etc", **lab)[1]
    assert problem(workspace, method="s3", folder="/tmp", **lab)[0] == "folder"
    monkeypatch.setenv("DIGITS_S3_LAB_BUCKETS", "others")
    assert "not for the bucket" in problem(workspace, folder=f"s3://{bucket}", **lab)[1]
    monkeypatch.delenv("DIGITS_S3_LAB_BUCKETS")
    monkeypatch.setenv("DIGITS_S3_LAB_ENDPOINT", "http://127.0.0.1:1")
    where, words = problem(workspace, folder=f"s3://{bucket}", **lab)
    assert where == "s3_credentials" and "cannot be reached" in words
    assert workspace.store.ids() == []


def test_a_public_bucket_is_asked_through_the_guard_of_downloads(
        s3: S3, bucket: str, workspace: Workspace, make: Callable[..., JobView], monkeypatch: pytest.MonkeyPatch,
        settings: Settings, run: Tick, tmp_path: Path) -> None:
    s3.upload(pictures.class_folders(tmp_path / "set", {"a": 3, "b": 3}), bucket, ACL="public-read")
    public = {"folder": f"s3://{bucket}", "s3_endpoint": s3.endpoint}
    where, words = problem(workspace, **public)
    assert where == "s3_endpoint" and "private" in words
    allowed = Workspace(settings.model_copy(update={"private_hosts": ["127.0.0.1"]}), workspace.store)
    view = datasets.create_dataset(allowed, "ann", "classification", "set", {**SMALL, **public})
    monkeypatch.setenv("DIGITS_PRIVATE_HOSTS", "127.0.0.1")
    assert facts(run(view))["used"] == 6


def test_the_preview_names_classes_and_shows_a_picture(s3: S3, bucket: str, workspace: Workspace,
                                                       tmp_path: Path) -> None:
    s3.upload(pictures.class_folders(tmp_path / "set", {"cat": 4, "dog": 3}), bucket, "x/")
    options = {**SMALL, "folder": f"s3://{bucket}/x", "s3_credentials": "lab"}
    found = datasets.preview(workspace, "classification", options)
    assert found.per_class == {"cat": 4, "dog": 3} and not found.is_estimate and len(found.example) == 4
    assert not found.problems


def test_credentials_that_the_service_refuses_are_named_and_the_key_is_not(
        s3: S3, bucket: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = door.Bucket("x", door.S3Credentials("lab"))
    for code, where in (("InvalidAccessKeyId", "credentials"), ("SignatureDoesNotMatch", "credentials"),
                        ("AccessDenied", "credentials"), ("RequestTimeTooSkewed", "credentials"),
                        ("NoSuchBucket", "bucket"), ("SlowDown", "endpoint"), ("<x>" + SECRET[:3], "endpoint")):
        answer = door.botocore.exceptions.ClientError({"Error": {"Code": code, "Message": SECRET}}, "ListObjectsV2")
        failure = refused._failure(answer)
        assert failure.where == where and SECRET not in str(failure) and "<" not in str(failure)


def test_what_is_in_use_is_never_removed_and_a_full_cache_says_so(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache", 1000)
    for number in range(3):
        cache.link(f"{number}0", 300, tmp_path / f"in-use-{number}", lambda file: file.write(b"x" * 300))
    with pytest.raises(BadState, match="DIGITS_S3_CACHE_GB"):
        cache.link("f0", 300, tmp_path / "more", lambda file: file.write(b"y" * 300))
    (tmp_path / "in-use-1").unlink()
    assert cache.link("f0", 300, tmp_path / "more", lambda file: file.write(b"y" * 300))
    assert sorted(path.name for path in (tmp_path / "cache").glob("??/*")) == ["00", "20", "f0"]
    assert not cache.link("f0", 300, tmp_path / "again", lambda file: 1 / 0)


def test_a_fetch_that_fails_leaves_no_file_and_gives_its_room_back(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache", 1000)
    with pytest.raises(ZeroDivisionError):
        cache.link("ab", 900, tmp_path / "x", lambda file: 1 / 0)
    assert list((tmp_path / "cache").glob("??/*")) == [] and not (tmp_path / "x").exists()
    assert cache.link("cd", 900, tmp_path / "x", lambda file: file.write(b"x" * 900))


def test_nobody_but_the_build_sees_the_secret(s3: S3, bucket: str, workspace: Workspace, tmp_path: Path,
                                              make: Callable[..., JobView], finished_job: Callable[..., JobView]
                                              ) -> None:
    s3.upload(pictures.class_folders(tmp_path / "set", {"a": 3, "b": 3}), bucket)
    view = make(folder=f"s3://{bucket}", s3_credentials="lab")
    shown = json.dumps(jobs.describe(view)) + repr(s3_credentials(workspace.settings.secrets_file))
    assert SECRET not in shown and "lab" in shown
    for path in workspace.store.root.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET in confine.environment(view.folder.path).values()
    others = [confine.environment(finished_job("model").folder.path), confine.without_keys(os.environ),
              confine.scrubbed(os.environ)]
    assert not any(SECRET in other.values() for other in others)


@pytest.mark.slow
def test_a_build_that_was_killed_goes_on_with_what_it_had(s3: S3, bucket: str, workspace: Workspace, run: Tick,
                                                          until: Callable[..., object], tmp_path: Path) -> None:
    """A real worker process; its secret is not on its command line."""
    picture = pictures.saved(pictures.colour())
    backend_upload(s3, bucket, {f"{name}/{number:03d}.png": picture + bytes([number]) for name in "ab"
                                for number in range(60)})
    view = datasets.create_dataset(workspace, "ann", "classification", "set",
                                   {**SMALL, "folder": f"s3://{bucket}", "s3_credentials": "lab"})
    attempt = view.folder.attempt(1)
    child = subprocess.Popen([sys.executable, "-m", "digits_core.jobs.worker", str(view.folder.path), "1"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cache = workspace.store.root / places.CACHE
    until(lambda: len([path for path in cache.glob("??/*") if not path.suffix]) > 10, 60)
    line = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    child.kill()
    child.wait()
    assert SECRET.encode() not in line and not attempt.result.exists()
    kept = {path.name for path in cache.glob("??/*") if path.suffix != ".part"}
    assert 0 < len(kept) < 120
    before = {path.name: path.stat().st_ino for path in cache.glob("??/*") if path.suffix != ".part"}
    files.write_atomic(view.folder.path / "attempts" / "0001" / "stop", {"who": "ann"})
    jobs.resume(workspace, "ann", view.id)
    assert facts(run(workspace.store.get(view.id)))["used"] == 120
    after = {path.name: path.stat().st_ino for path in cache.glob("??/*")}
    assert before.items() <= after.items()


def test_a_wrong_secret_a_wrong_key_and_a_right_key_without_permission_are_three_answers(
        workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as guarded:
        guarded.client.create_bucket(Bucket="pets")
        pair = guarded.user_without_permission()
        guarded.judge_from_now_on()
        monkeypatch.setenv("DIGITS_S3_LAB_ENDPOINT", guarded.endpoint)
        said = {}
        for name, key, secret in (("wrong key", "AKIANOBODY0000000000", SECRET), ("wrong secret", pair[0], SECRET),
                                  ("no permission", *pair)):
            monkeypatch.setenv("DIGITS_S3_LAB_KEY", key)
            monkeypatch.setenv("DIGITS_S3_LAB_SECRET", secret)
            where, said[name] = problem(workspace, folder="s3://pets", s3_credentials="lab")
            assert where == "s3_credentials" and key not in said[name] and secret not in said[name]
    assert "does not accept the key" in said["wrong key"] and "InvalidAccessKeyId" in said["wrong key"]
    assert "SignatureDoesNotMatch" in said["wrong secret"]
    assert "does not allow the credentials 'lab'" in said["no permission"]
