"""The promotion gate: asks the inference process about every pin of a published model. No torch here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadData, DigitsError
from digits_core.infer import record_inputs
from digits_core.infer.client import InferenceClient
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.record_inputs import RecordSource, opened, read_record
from digits_core.modelstore.pins import Pins
from digits_core.modelstore.right import Verdict, rule, sliced, told
from digits_core.settings import Settings
from digits_core.tasks import Task

Json = dict[str, Any]
CHUNK = 32
SHOWN = 12
"""Pictures of a slice that are named when it fails."""
Tick = Callable[[int], None]
"""Called with the pictures that were asked about; what it raises ends the check."""


class Gate:
    """One model at one checkpoint against the pins of a published model; ``kept`` takes pictures that it made."""

    def __init__(self, settings: Settings, kind: Task, model: str, file: str, pins: Pins, kept: Path) -> None:
        self.client, self.jobs_dir = InferenceClient(settings), settings.jobs_dir
        self.kind, self.model, self.file, self.pins, self.kept = kind, model, file, pins, kept
        folder = ModelFolder.read(settings.jobs_dir / model)
        self.known, self.rule = folder.labels, rule(kind, folder) if kind.can_pin else None

    def rows(self, tick: Tick) -> list[Json]:
        """One row a pin: {"pin", "right", "wanted", "said" (a list, or the share that is right), "why" (it is wrong)}.

        A slice that fails also has "wrong": the first pictures, each with source, path, truth and what was said. Where
        a picture came instead of the wanted one, "made" is its file among the ``kept``.
        """
        found = self.pins.all()
        rows = [self._picture(pin, tick) for pin in found["pictures"]]
        return rows + [self._slice(pin, tick) for pin in found["slices"]]

    def count(self) -> int:
        """About how many pictures will be asked about."""
        found = self.pins.all()
        return len(found["pictures"]) + sum(self._entries(pin) for pin in found["slices"])

    def _entries(self, pin: Json) -> int:
        facts = files.read_json(self.jobs_dir / str(pin["dataset"]) / "manifest.json") or {}
        split = facts.get("splits", {}).get(pin["split"], {})
        if "limit" not in pin and pin["label"] in facts.get("labels", []):
            return int(split["per_class"][facts["labels"].index(pin["label"])])
        return int(split.get("entries", 0))

    def _answers(self, images: list[tuple[str, bytes]]) -> list[Json]:
        return self.client.classify(self.model, self.file, images, len(self.known))

    def _picture(self, pin: Json, tick: Tick) -> Json:
        path: Path = self.pins.picture(pin)
        if not path.is_file():
            return {"pin": pin, "right": False, "said": [], "why": "Its picture is gone. Remove the pin."}
        [answer] = self._answers([(str(pin["name"]), path.read_bytes())])
        tick(1)
        try:
            verdict = self._verdict(answer, pin)
        except DigitsError as error:  # another column is missing, a picture cannot be read
            return {"pin": pin, "right": False, "wanted": told(pin), "said": [], "why": f"{pin['name']}: {error}"}
        row = {"pin": pin, "right": verdict.right, "wanted": verdict.wanted, "said": verdict.said, "why": ""}
        if verdict.right:
            return row
        if verdict.made:
            made = self.kept / f"{pin['id']}.png"
            self.kept.mkdir(exist_ok=True)
            files.write_atomic(made, verdict.made)
            row["made"] = made.name
        return {**row, "why": f"{pin['name']}: {' and '.join(verdict.said) or 'nothing'} instead of {verdict.wanted}"}

    def _verdict(self, answer: Json, pin: Json) -> Verdict:
        assert self.rule is not None  # a model with pins can be pinned
        if "error" in answer:
            raise BadData(str(answer["error"]))
        target = self.pins.target(pin)
        return self.rule.picture(answer, pin, target.read_bytes() if target.is_file() else b"")

    def _slice(self, pin: Json, tick: Tick) -> Json:
        try:
            right, wrong, total = self._asked(pin, tick)
        except DigitsError as error:
            return {"pin": pin, "right": False, "said": None, "why": str(error)}
        if not total:
            return {"pin": pin, "right": False, "said": None, "why": f"{sliced(pin)} has no pictures. Remove the pin."}
        share = right / total
        good = share >= pin["at_least"]
        return {"pin": pin, "right": good, "said": share, "entries": total, "wrong": [] if good else wrong[:SHOWN],
                "why": "" if good else f"{sliced(pin)}: {share:.2%} of {total} are right, {pin['at_least']:.2%} are "
                                       "asked for"}

    def _asked(self, pin: Json, tick: Tick) -> tuple[int, list[Json], int]:
        right, wrong, total = 0, [], 0
        for chunk in _chunks(self._records(pin)):
            images = [(path, read_record(self.jobs_dir, source)) for path, source, _ in chunk]
            for (path, source, truth), answer in zip(chunk, self._answers(images), strict=True):
                verdict = self._of_record(answer, pin, source, truth)
                right += verdict.right
                if not verdict.right:
                    wrong.append({"source": str(source), "path": path, "truth": verdict.wanted, "said": verdict.said})
            total += len(chunk)
            tick(len(chunk))
        return right, wrong, total

    def _of_record(self, answer: Json, pin: Json, source: RecordSource, truth: str) -> Verdict:
        if "error" in answer or self.rule is None:
            return Verdict(False, truth, [])
        target = None
        if "limit" in pin:
            record = opened(self.jobs_dir, source.dataset, source.split).read(source.position)
            target = record.target.array() if record.target is not None else None
        return self.rule.record(answer, pin, truth, target)

    def _records(self, pin: Json) -> Iterator[tuple[str, RecordSource, str]]:
        for path, source, label in record_inputs.listed(self.jobs_dir, pin, self.known):
            record = record_inputs.parsed(source)
            if record is not None and ("limit" in pin or pin["label"] in ("", label)):
                yield path, record, label


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def refusal(rows: list[Json]) -> BadData | None:
    """Why a model may not be published; None when every pin is right."""
    wrong = [row for row in rows if not row["right"]]
    if not wrong:
        return None
    shown = "; ".join(row["why"] for row in wrong[:5]) + ("; ..." if len(wrong) > 5 else "")
    return BadData(f"It gets {len(wrong)} of {len(rows)} pins wrong, so it was not published: {shown}. Publish another "
                   "checkpoint, or publish it anyway and say why.")
