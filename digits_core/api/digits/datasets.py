"""DIGITS' routes that make datasets: its forms, translated into the options of our tasks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from starlette.responses import Response

from digits_core.api.digits import tell
from digits_core.api.digits.dataset_fields import CLASSIFICATION, EXTENSIONS, GONE, LISTS, PREBUILT
from digits_core.api.digits.fields import Translated, translated
from digits_core.api.digits.jobs import page_of
from digits_core.api.digits.request import Asked, answer, renamed
from digits_core.api.forms import received
from digits_core.errors import InvalidOptions, NotFound, Problem
from digits_core.options import option_fields
from digits_core.services import datasets
from digits_core.tasks import sources

Json = dict[str, Any]


def classification(asked: Asked) -> Response:
    """From class folders, or from text files."""
    user = asked.named
    _refuse_other_storage(asked)
    found = translated(asked, CLASSIFICATION)
    if found.options.get("method") == "s3":
        found.options["folder"] = _bucket(asked)
    if found.options.get("method") != "text":
        return _made(asked, user, "classification", found)
    _refuse_other_folders(asked)
    with _lists(asked) as lists:
        if not (lists.get("val_list") or found.options.get("val_list")):
            found.options["val_percent"] = 0  # no list, no validation: what is not in a list is not taken from another
        names = {**found.names, **{ours: theirs for theirs, ours in LISTS.items() if ours not in found.options}}
        return _made(asked, user, "classification", Translated(found.options, names), lists)


def _refuse_other_storage(asked: Asked) -> None:
    if asked.text("backend", "lmdb") != "lmdb":
        raise InvalidOptions([Problem("backend", "Datasets are kept as LMDB here.")])


def _bucket(asked: Asked) -> str:
    """The place in S3. Raises InvalidOptions for keys: they would end in logs and job files."""
    keys = [name for name in ("s3_accesskey", "s3_secretkey") if asked.text(name)]
    if keys:
        raise InvalidOptions([Problem(name, "Keys are not taken here. The administrator sets them up under a name: "
                                            "send that as s3_credentials.") for name in keys])
    return f"s3://{asked.text('s3_bucket')}/{asked.text('s3_path').strip('/')}"


def _refuse_other_folders(asked: Asked) -> None:
    """All lists of a dataset start at one folder here."""
    first = asked.text("textfile_train_folder")
    others = [name for name in ("textfile_val_folder", "textfile_test_folder") if asked.text(name) not in ("", first)]
    if others:
        raise InvalidOptions([Problem(name, "This must be the folder of the training images here; or write whole "
                                            "paths into the lists.") for name in others])


@contextmanager
def _lists(asked: Asked) -> Iterator[dict[str, Path]]:
    """The uploaded text files by the options they stand for."""
    uploads = {} if asked.switch("textfile_use_local_files") else asked.uploads
    with ExitStack() as kept:
        yield {ours: kept.enter_context(received(asked.space, asked.user, uploads[theirs]))
               for theirs, ours in LISTS.items() if theirs in uploads}


def generic(asked: Asked) -> Response:
    """From databases that are there already; the field ``task`` says what is learned, numbers by default."""
    user, task = asked.named, asked.text("task", "regression")
    return _made(asked, user, task, translated(asked, PREBUILT, method="lmdb"))


def extension(asked: Asked) -> Response:
    """Of any other kind that DIGITS knew, or of a source that is installed here, by its name and with its options."""
    user, name = asked.named, asked.part("extension")
    if name in GONE:
        raise NotFound(GONE[name])
    if name in EXTENSIONS:
        kind = EXTENSIONS[name]
        found = translated(asked, kind.fields, **kind.fixed)
        found.options.update(_counts(asked) if kind.fixed.get("method") == "gradients" else {})
        return _made(asked, user, kind.task, found)
    if name in sources():
        known = {field.name: field.many for field in option_fields(sources()[name].dataset_options)}
        options = {key: values if known[key] else values[0] for key, values in asked.fields.items() if key in known}
        return _made(asked, user, name, Translated(options, {}))
    raise NotFound(f"There is no data extension {name[:60]!r}; there are {', '.join((*EXTENSIONS, *sources()))}.")


def _counts(asked: Asked) -> Json:
    """How many pictures are made in all, and the shares of the splits."""
    given = {}
    for name, usual in (("train_image_count", "1000"), ("val_image_count", "250"), ("test_image_count", "0")):
        text = asked.text(name) or usual
        if not (text.isascii() and text.isdecimal() and len(text) < 8):
            raise InvalidOptions([Problem(name, f"A whole number from 0 on is needed (got {text[:40]!r}).")])
        given[name] = int(text)
    train, val, test = given.values()
    total = max(1, train + val + test)
    return {"count": total, "val_percent": 100 * val / total, "test_percent": 100 * test / total}


def _made(asked: Asked, user: str, task: str, found: Translated, lists: dict[str, Path] | None = None) -> Response:
    with renamed({"name": "dataset_name", "count": "train_image_count", **found.names}):
        view = datasets.create_dataset(asked.space, user, task, asked.text("dataset_name"), found.options,
                                       asked.text("group_name"), lists=lists)
    return answer(asked, {**tell.brief(view), "status": tell.NEW}, page_of(view))
