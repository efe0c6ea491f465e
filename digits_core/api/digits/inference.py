"""DIGITS' routes that ask models: one picture, a list of them, a database, the best of every class."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.responses import Response

from digits_core.api.answers import StrictJSON
from digits_core.api.digits.models import snapshot
from digits_core.api.digits.request import Asked
from digits_core.api.forms import pictures_of, received
from digits_core.data import lists
from digits_core.errors import BadData, DigitsError, NotFound
from digits_core.jobs.model import Kind
from digits_core.services import datasets, inference, jobs
from digits_core.services.models import labels

Json = dict[str, Any]
Image = tuple[str, bytes]
AT_ONCE = 64
"""Pictures of a list that are in memory at the same time."""
MOST = 100_000


def classify_one(asked: Asked) -> Response:
    """The five most probable labels of a picture, in percent."""
    return StrictJSON({"predictions": percents(_one(asked))})


def infer_one(asked: Asked) -> Response:
    """What a model of any task says about a picture."""
    return StrictJSON({"outputs": outputs(_one(asked))})


def classify_many(asked: Asked) -> Response:
    """The five most probable labels of each picture of a list."""
    return StrictJSON({"classifications": {answer["image"]: percents(answer) for answer in _listed(asked)}})


def infer_many(asked: Asked) -> Response:
    """What a model of any task says about each picture of a list."""
    return StrictJSON({"outputs": {answer["image"]: outputs(answer) for answer in _listed(asked)}})


def top_n(asked: Asked) -> Response:
    """For every class the pictures of a list that are most like it, with the probability in percent."""
    text = asked.text("top_n", "9")
    count = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 9
    best: dict[str, list[tuple[float, str]]] = {label: [] for label in labels(_model(asked))}
    for answer in _listed(asked, top=max(1, len(best))):
        for label, percent in percents(answer):
            best[label] = heapq.nlargest(count, [*best[label], (percent, answer["image"])])
    return StrictJSON({"top_n": {label: [[path, percent] for percent, path in rows] for label, rows in best.items()}})


def infer_db(asked: Asked) -> Response:
    """What a model says about each picture of a split of a dataset: ``db_path`` as GET /datasets/ID/json tells it."""
    asked.missing("db_path")
    place = Path(asked.text("db_path"))
    dataset, split = place.parent.name, place.name.removesuffix(".lmdb")
    if place.parent.parent != asked.space.settings.jobs_dir.absolute():
        raise NotFound(f"DB {str(place)[:200]!r} does not exist: it is a database of a dataset of this server, as "
                       "GET /datasets/ID/json names it. Make a dataset of any other one first.")
    return StrictJSON({"outputs": {answer["image"]: outputs(answer)
                                   for answer in _answers(asked, _records(asked, dataset, split))}})


def infer_extension(asked: Asked) -> Response:
    """DIGITS' forms of its extensions are not here."""
    raise DigitsError("There are no inference forms of extensions here. Ask about a picture with infer_one, about "
                      "many with infer_many, or about a database with infer_db.")


def percents(answer: Json) -> list[list[Any]]:
    """Labels with percent, best first. Raises BadData for a model that gives none."""
    if "predictions" not in answer:
        raise BadData("This model does not classify; use /models/images/generic/infer_one.")
    return [[row["label"], round(100 * row["probability"], 2)] for row in answer["predictions"]]


def outputs(answer: Json) -> Json:
    """An answer as the outputs of a network by name: numbers in one row, boxes by class, labels in percent."""
    told = {key: value for key, value in answer.items() if key not in ("image", "latency_ms", "error")}
    if "values" in told:
        return {"output": [[row["value"] for row in told["values"]]]}
    if "boxes" in told:
        return {"bbox-list": {label: [[*row["box"], row["score"]] for row in told["boxes"] if row["label"] == label]
                              for label in told["labels"]}}
    shares = {"softmax": percents(told)} if "predictions" in told else {}
    return {**shares, **{key: value for key, value in told.items() if key != "predictions"}}


def _model(asked: Asked) -> Any:
    asked.missing("job_id")
    return jobs.of_kind(asked.space, asked.text("job_id"), Kind.MODEL, Kind.PRETRAINED)


def _one(asked: Asked) -> Json:
    _model(asked)
    upload, path = asked.uploads.get("image_file"), asked.text("image_path") or asked.text("image_url")
    if upload is None and not path:
        raise BadData("must provide image_path or image_file")
    images = inference.load_images(asked.space, [path]) if path else pictures_of([upload] if upload else ())
    return _ask(asked, images)[0]


def _ask(asked: Asked, images: list[Image], top: int = 5) -> list[Json]:
    """The answers of the chosen checkpoint, by default the last one, as DIGITS did."""
    return inference.classify(asked.space, asked.user, asked.text("job_id"), images,
                              snapshot(asked.text("snapshot_epoch")), top, asked.switch("dont_resize"))


def _answers(asked: Asked, images: Iterable[Image], top: int = 5) -> Iterator[Json]:
    """Answers about many pictures; those that cannot be read are left out. Raises BadData when none can."""
    count, all_images, trouble = 0, iter(images), BadData("Unable to load any images from the file")
    while some := list(islice(all_images, AT_ONCE)):
        try:
            good = [answer for answer in _ask(asked, some, top) if "error" not in answer]
        except BadData as error:
            good, trouble = [], error
        count += len(good)
        yield from good
    if not count:
        raise trouble


def _listed(asked: Asked, top: int = 5) -> Iterator[Json]:
    _model(asked)
    if "image_list" not in asked.uploads:
        raise BadData("image_list is a required field")
    return _answers(asked, _pictures(asked), top)


def _pictures(asked: Asked) -> Iterator[Image]:
    """The pictures of an uploaded list that can be read; a number behind a path is a label, and not asked for."""
    text, folder = asked.text("num_test_images"), asked.text("image_folder")
    most = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 and int(text) else MOST
    with received(asked.space, asked.user, asked.uploads["image_list"]) as path:
        for _, line in islice(lists.lines(path), most):
            place = _place(line)
            try:
                yield inference.load_images(asked.space, [str(Path(folder, place)) if folder else place])[0]
            except DigitsError:
                continue


def _place(line: str) -> str:
    try:
        return lists.parse(line, None)[0]
    except ValueError:
        return line.strip()


def _records(asked: Asked, dataset: str, split: str) -> Iterator[Image]:
    start = 0
    while items := datasets.samples(asked.space, dataset, split, offset=start, limit=AT_ONCE).items:
        yield from ((str(item.index), item.png) for item in items)
        start += len(items)
