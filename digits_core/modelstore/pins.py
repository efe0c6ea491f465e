"""What every new version of a published model must still get right: pinned pictures, and classes of a dataset."""

import secrets
import time
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import NotFound
from digits_core.modelstore.team import TeamStore

Json = dict[str, Any]
MOST = 500


class Pins:
    """The pins of one published model.

    ``pictures``: {id, name, file, by, at} and what is wanted: ``label``; or ``values`` [{label, value, within}]; or
    ``psnr`` (dB) and ``target``, the name of the wanted picture, empty for the answer of the version of then.
    ``slices``: {id, dataset, name (of the dataset), split, label ("" is every class or column), at_least (0..1), by,
    at}, without classes also ``limit`` (see digits_core.modelstore.right) and ``columns``.
    """

    def __init__(self, store: TeamStore, name: str) -> None:
        self.store, self.folder = store, store.about(name)
        self.path = self.folder / "pins.json"

    def all(self) -> Json:
        """Both lists, oldest first."""
        found = files.read_json(self.path) or {}
        return {kind: [row for row in found.get(kind, []) if isinstance(row, dict)] for kind in ("pictures", "slices")}

    def picture(self, pin: Json) -> Path:
        """The file of a pinned picture."""
        return self.folder / "pins" / Path(str(pin["file"])).name

    def target(self, pin: Json) -> Path:
        """The file of the picture that is wanted of it."""
        return self.picture(pin).with_suffix(".target")

    def add_picture(self, name: str, data: bytes, by: str, wanted: Json, target: bytes = b"") -> Json:
        """Pin a picture and what is to be said of it."""
        pin = {"id": secrets.token_hex(4), **wanted, "name": name[:200], "by": by, "at": time.time()}
        pin["file"] = f"{pin['id']}.bin"
        with self.store.locked():
            (self.folder / "pins").mkdir(parents=True, exist_ok=True)
            files.write_atomic(self.picture(pin), data)
            if target:
                files.write_atomic(self.target(pin), target)
            self._write("pictures", [*self.all()["pictures"], pin])
        return pin

    def add_slice(self, dataset: str, name: str, split: str, label: str, at_least: float, by: str,
                  wanted: Json | None = None) -> Json:
        """Pin a class of a split, or all of it, to a share that must be right."""
        pin = {"id": secrets.token_hex(4), "dataset": dataset, "name": name, "split": split, "label": label,
               "at_least": at_least, **(wanted or {}), "by": by, "at": time.time()}
        with self.store.locked():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write("slices", [*self.all()["slices"], pin])
        return pin

    def find(self, pin_id: str) -> Json:
        """One pin of either kind. Raises NotFound."""
        for pin in (*self.all()["pictures"], *self.all()["slices"]):
            if pin["id"] == pin_id:
                return dict(pin)
        raise NotFound(f"There is no pin {pin_id[:40]!r}.")

    def remove(self, pin_id: str) -> None:
        """Forget a pin."""
        with self.store.locked():
            pin = self.find(pin_id)
            kind = "pictures" if "file" in pin else "slices"
            self._write(kind, [row for row in self.all()[kind] if row["id"] != pin_id])
            if "file" in pin:
                for path in (self.picture(pin), self.target(pin)):
                    path.unlink(missing_ok=True)

    def _write(self, kind: str, rows: list[Json]) -> None:
        files.write_atomic(self.path, {"v": 1, **self.all(), kind: rows})
