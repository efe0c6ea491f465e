"""Pictures that lie in a dataset's databases, as inputs of a batch ("test a database")."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits_core import files
from digits_core.data.pictures import to_png
from digits_core.data.planes import ALL, own_values
from digits_core.data.records import Records
from digits_core.data.texts import TEXT, written
from digits_core.errors import BadData

Json = dict[str, Any]
SOURCE = re.compile(r"record:([0-9]{8}-[0-9]{6}-[0-9a-f]{4})/(train|val|test)/([0-9]{1,12})")


class RecordSource(NamedTuple):
    """One record of one split of a dataset; as text ``record:ID/val/17``."""

    dataset: str
    split: str
    position: int

    def __str__(self) -> str:
        return f"record:{self.dataset}/{self.split}/{self.position}"

    def database(self, jobs_dir: Path) -> Path:
        """The database it lies in."""
        return jobs_dir / self.dataset / f"{self.split}.lmdb"


def parsed(source: str) -> RecordSource | None:
    """The record that a source names; None when it is something else."""
    found = SOURCE.fullmatch(source)
    return RecordSource(found[1], found[2], int(found[3])) if found else None


def opened(jobs_dir: Path, dataset: str, split: str) -> Records:
    """The database of a split; hold on to it while single records are read. Raises BadData when there is none."""
    path = jobs_dir / dataset / f"{split}.lmdb"
    if not path.is_dir():
        raise BadData(f"The dataset {dataset} has no pictures in its split {split!r} (any more).")
    return Records(path)


def listed(jobs_dir: Path, options: Json, known: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Name, source and true label of every record of the split, in its order.

    Raises BadData when the dataset has classes that are not ``known`` to the model, if any are told.
    """
    dataset, split = str(options["dataset"]), str(options["split"])
    labels = [str(label) for label in (files.read_json(jobs_dir / dataset / "manifest.json") or {}).get("labels", [])]
    if known and (strange := unknown_labels(labels, known)):
        raise BadData(strange)
    for position, (label, path) in enumerate(opened(jobs_dir, dataset, split).headers()):
        yield path, str(RecordSource(dataset, split, position)), labels[label]


def unknown_labels(labels: Sequence[str], known: Sequence[str]) -> str:
    """What is wrong with a dataset's labels in words; "" when the model knows them all."""
    strange = [label for label in labels if label not in set(known)]
    if not strange:
        return ""
    more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
    return (f"The dataset has classes that the model does not know: {', '.join(strange[:3])}{more}. "
            "Choose a dataset with the same labels.")


def read_record(jobs_dir: Path, source: RecordSource) -> bytes:
    """The picture as a file's bytes, pixel by pixel as in the dataset: a PNG, in full depth an array of NumPy.

    Of a dataset of texts what networks can read of the text.
    """
    record = opened(jobs_dir, source.dataset, source.split).read(source.position)
    manifest = files.read_json(jobs_dir / source.dataset / "manifest.json") or {}
    if manifest.get("channels") == TEXT:
        return written(record.pixels(), manifest["details"]["alphabet"]).encode()
    if record.encoding == ALL:
        file = io.BytesIO()
        np.save(file, own_values(record.pixels(), tuple(manifest["span"])), allow_pickle=False)
        return file.getvalue()
    return to_png(record.pixels()) if record.encoding == "raw" else record.image
