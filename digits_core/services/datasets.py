"""Services on datasets: create one, and read what a finished one holds."""

import base64
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from digits_core.data.places import check_places
from digits_core.data.skipped import read_skipped
from digits_core.errors import DigitsError, InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.safe.paths import printable
from digits_core.services import resumable
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.workspace import Workspace
from digits_core.tasks import source, tasks

if TYPE_CHECKING:
    from digits_core.data.preview import Preview

Json = dict[str, Any]


def create_dataset(workspace: Workspace, user: str, task: str, name: str, options: Json, group: str = "",
                   upload: Path | None = None, lists: dict[str, Path] | None = None) -> JobView:
    """Check everything and put a dataset build into the queue.

    ``upload`` is an archive that the server itself received; it stands for the ``archive`` option (as does
    ``upload:ID``, see resumable), and ``lists`` are text files for options by name. They are moved into the job folder.
    Raises InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    if str(options.get("archive", "")).startswith(resumable.PREFIX) and upload is None:
        with resumable.taken(workspace, user, options["archive"]) as finished:
            return create_dataset(workspace, user, task, name, options, group, finished.data, lists)
    files = {**(lists or {}), **({"archive": upload} if upload else {})}
    roots = workspace.settings.data_roots
    roots = [*roots, *(path.parent for path in files.values())] if roots else []
    options = {**options, **{name: str(path) for name, path in files.items()},
               **({"method": "archive"} if upload else {})}
    kind = source(task)
    name, values = together(lambda: checked_name(name), lambda: check(kind.dataset_options, options, roots))
    check_places(values, workspace.settings)
    _check_databases(values, roots)
    checked = values.model_dump(mode="json")
    job_id = workspace.store.new_id()
    kept = {name: f"{name}{path.suffix}" if name in (lists or {}) else path.name for name, path in files.items()}
    checked.update({name: f"job:upload/{file}" for name, file in kept.items()})
    if kind.base:
        checked["extension"] = kind.name
    job = Job(job_id, Kind.DATASET, kind.base or kind.name, name, user, time.time(), checked, (), group.strip())

    def fill(hidden: Path) -> None:
        for name, path in files.items():
            (hidden / "upload").mkdir(exist_ok=True)
            shutil.move(path, hidden / "upload" / kept[name])

    workspace.store.submit(job, fill)
    return workspace.store.get(job_id)


def _check_databases(values: Any, roots: Sequence[Path]) -> None:
    if values.model_dump().get("method") == "lmdb":
        from digits_core.data.prebuilt import check_databases  # LMDB, NumPy: not for programs that only list jobs

        check_databases(values, roots)


def require_done(view: JobView) -> None:
    """Raise InvalidOptions at the field ``dataset`` unless the dataset is usable now or will be."""
    if view.status.is_final and view.status != "done":
        raise InvalidOptions([Problem("dataset", f"The dataset '{view.name}' {view.status}: {view.state.reason}")])


@dataclass(frozen=True)
class Sample:
    """One picture of a dataset as a page shows it; ``png`` is the picture, ``path`` is safe to print."""

    index: int
    label: int
    class_name: str
    path: str
    png: bytes
    source: tuple[int, int] | None = None
    """Width and height of the picture it was made from, where the build noted them."""
    words: str = ""
    """What is to be learned about it, where the task tells that in words."""


class SamplePage(NamedTuple):
    """A page of samples; ``total`` counts all that match."""

    total: int
    items: list[Sample]


class SkippedPage(NamedTuple):
    """A page of skipped pictures, each with path, split, class and reason; ``total`` counts all."""

    total: int
    items: list[Json]


def manifest(view: JobView) -> Json:
    """What a finished dataset says about itself (see docs). Raises NotFound when it is not finished, or damaged."""
    found = view.folder.manifest()
    if view.status is not Status.DONE:
        raise NotFound(f"The dataset '{view.name}' {_words(view)}; it holds nothing yet.")
    lists = isinstance(found.get("labels"), list) and isinstance(found.get("splits"), dict)
    if found.get("complete") is not True or not lists:
        raise NotFound(f"The dataset '{view.name}' is damaged: its manifest is missing or unreadable. Build it again.")
    return found


def _words(view: JobView) -> str:
    return {"failed": "failed", "stopped": "was stopped"}.get(str(view.status), f"is {view.status}")


def samples(workspace: Workspace, job_id: str, split: str, label: int | None = None, search: str = "",
            offset: int = 0, limit: int = 24, shorter: tuple[int, int] | None = None,
            places: list[int] | None = None) -> SamplePage:
    """Pictures of one split by position, all or those that fit.

    They may be asked for by class (masks and boxes: one that is on them), part of the path, limits of the source's
    shorter side, or position (``places``).
    Read in a process of its own. Raises NotFound for a split that is not there, BadData for a damaged database.
    """
    from digits_core.data.reader import read_samples  # NumPy, Pillow: not for programs that only list jobs

    if offset < 0 or not 0 < limit <= 1000:
        raise InvalidOptions([Problem("limit", "An offset from 0 and a limit from 1 to 1000 are needed.")])
    facts, database = _database(workspace, job_id, split)
    found = read_samples(database, label, search, offset, limit, shorter, places, _drawing(facts))
    names = _class_names(facts)
    return SamplePage(found["total"], [
        Sample(row["index"], row["label"], names.get(row["label"], str(row["label"])), printable(row["path"]),
               base64.b64decode(row["png"]), row["source"] and tuple(row["source"]), row["words"])
        for row in found["items"]])


def _class_names(facts: Json) -> dict[int, str]:
    """The class of a picture by its label; pictures with another target have none."""
    return {0: ""} if facts.get("target") else dict(enumerate(map(str, facts["labels"])))


def _drawing(facts: Json) -> tuple[str, str, Json] | None:
    kind = tasks().get(str(facts.get("task")))
    return (kind.drawing, kind.caption, facts) if kind and (kind.drawing or kind.caption) else None


def sides(low: int | None, high: int | None) -> tuple[int, int] | None:
    """Limits of the source's shorter side for ``samples``; None when neither is given."""
    return None if low is None and high is None else (low or 1, high or 2**31)


def _database(workspace: Workspace, job_id: str, split: str) -> tuple[Json, Path]:
    view = of_kind(workspace, job_id, Kind.DATASET)
    facts = manifest(view)
    if split not in facts["splits"]:
        raise NotFound(f"'{view.name}' has no pictures for {split[:20]!r}; it has {', '.join(facts['splits'])}.")
    return facts, view.folder.path / f"{split}.lmdb"


def record(workspace: Workspace, job_id: str, split: str, index: int) -> Json:
    """Everything about one picture; ``png`` is the picture itself.

    Label, class, path, source size, encoding, shape, bytes, and by channel min, max, mean, std, histogram of 32 steps.
    Raises NotFound for a split or position that is not there, BadData for a damaged database.
    """
    from digits_core.data.reader import read_record  # see samples

    facts, database = _database(workspace, job_id, split)
    if not 0 <= index < int(facts["splits"][split]["entries"]):
        raise NotFound(f"There is no picture {index} in {split!r}.")
    row = read_record(database, index, _drawing(facts))
    names = _class_names(facts)
    return {**row, "split": split, "class": names.get(row["label"], str(row["label"])),
            "path": printable(row["path"]), "png": base64.b64decode(row["png"])}


def skipped(view: JobView, offset: int = 0, limit: int = 100) -> SkippedPage:
    """Pictures that were found and not used; also of a build that failed for having too many of them."""
    rows = read_skipped(view.folder.path / "skipped.csv")
    page: list[Json] = []
    total = 0
    for total, row in enumerate(rows, 1):
        if offset < total <= offset + limit:
            page.append({"path": row.path, "split": row.split, "class": row.label, "reason": row.reason})
    return SkippedPage(total, page)


def mean_picture(view: JobView) -> bytes | None:
    """The mean of all training pictures as a PNG; None when it is missing or damaged."""
    from digits_core.data.pictures import decode  # see samples

    try:
        path = view.folder.path / "mean.png"
        decode(path, path.name)
        return path.read_bytes()
    except (DigitsError, OSError):
        return None


def preview(workspace: Workspace, task: str, options: Json, with_example: bool = True) -> "Preview":
    """What a build with these options would find, and one picture in every resize mode; takes 2-3 seconds at most.

    Raises InvalidOptions like create_dataset. See digits_core.data.preview.Preview for the answer.
    """
    from digits_core.data.preview import look  # see samples

    settings, kind = workspace.settings, source(task)
    checked: Any = check(kind.dataset_options, options, settings.data_roots)
    if checked.s3_places():
        from digits_core.data import s3_preview  # S3's client: most forms need none

        return s3_preview.look(kind, checked, settings, with_example)
    return look(kind, checked, settings.data_roots, settings.private_hosts, with_example)


def used_by(workspace: Workspace, job_id: str) -> list[JobView]:
    """Models (and other jobs) that need this dataset, newest first."""
    return workspace.store.dependents(job_id)
