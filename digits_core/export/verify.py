"""Holds what a written model says against what PyTorch says, and decides whether that is near enough."""

import hashlib
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from digits_core.errors import BadData
from digits_core.export.options import ExportOptions, Variant
from digits_core.export.samples import Samples
from digits_core.export.trace import Answer
from digits_core.infer.answers import Answerer, Asked
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import found as as_found
from digits_core.infer.signature import signature
from digits_core.jobs import child
from digits_core.tasks import task

Json = dict[str, Any]
LEAST_FULL = 0.99
"""Agreement that full precision must reach: the last digit may turn a tie."""

LONGEST_LOAD_S = 600


class Heard(NamedTuple):
    """What a model said about all samples, and how long each took in milliseconds."""

    outputs: list[NDArray[Any]]
    ms: list[float]


def ask_onnx(path: Path, threads: int) -> Answer:
    """What an ONNX file says. Raises BadData when ONNX Runtime cannot load it, or crashes over it."""
    try:
        child.ask("digits_core.export.load_child", {"file": str(path)}, LONGEST_LOAD_S, [])
    except child.NoAnswer as error:
        raise BadData(f"ONNX Runtime cannot load {path.name}: {error}. Export without this variant.") from error
    how = onnxruntime.SessionOptions()
    how.intra_op_num_threads, how.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(path, how, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def answer(batch: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = session.run(None, {name: batch})[0]
        return found

    return answer


class Verifier:
    """Knows what PyTorch said, and judges the others by it."""

    def __init__(self, model: ModelFolder, samples: Samples, reference: Heard, options: ExportOptions) -> None:
        self.model, self.samples, self.options, self.reference = model, samples, options, reference
        self.task = task(model.network.task)
        self.answerer: Answerer = resolve_name(self.task.answerer)()
        self.found = self._found(reference)
        self.metric = self.measured(self.found)

    def _found(self, heard: Heard) -> list[NDArray[Any]]:
        alone = signature(self.model).batched
        return [as_found(self.model, output[0] if alone else output) for output in heard.outputs]

    def row(self, variant: Variant, path: Path, heard: Heard, batch: str) -> Json:
        """What the report says of a variant; ``reason`` tells why it is not good enough, empty: it is."""
        found = self._found(heard)
        apart = [self.answerer.difference(*pair) for pair in zip(self.found, found, strict=True)]
        known = [value for value in apart if value is not None]
        finite = all(np.isfinite(array).all() for array in found)
        row = {"name": variant.title, "format": variant.format, "precision": variant.precision, "file": variant.file,
               "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "batch": batch,
               "difference": float(min(1e9, max(known))) if known and finite else None,
               "agreement": float(np.mean([self.answerer.agreement(*pair)
                                           for pair in zip(self.found, found, strict=True)])),
               "metric": self.measured(found) if finite else None, **latency(heard.ms)}
        return {**row, "reason": self._reason(row) if finite else "It gives values that are not numbers (NaN)."}

    def _reason(self, row: Json) -> str:
        options, drop = self.options, self._drop(row["metric"])
        if row["precision"] == "fp32":
            if row["difference"] is not None and row["difference"] > options.tolerance:
                return (f"Answers differ by up to {row['difference']:.2g} from PyTorch's, and {options.tolerance:g} is "
                        "allowed.")
            return "" if row["agreement"] >= LEAST_FULL else \
                f"Only {row['agreement']:.1%} of the answers agree with PyTorch's."
        least = options.fp16_agreement if row["precision"] == "fp16" else options.int8_agreement
        if 100 * row["agreement"] < least:
            return f"{row['agreement']:.1%} of the answers agree with PyTorch's, and {least:g} % are asked for."
        if drop > options.drop:
            return f"{self.task.measures[0].title} falls by {drop:.1f} %, and {options.drop:g} % are allowed."
        return ""

    def _drop(self, metric: float | None) -> float:
        if metric is None or self.metric is None:
            return 0.0
        return 100 * (self.metric - metric) / (1.0 if self.task.measures[0].share else max(1e-9, abs(self.metric)))

    def measured(self, found: list[NDArray[Any]]) -> float | None:
        """The task's measure over the samples; None where the truth is not known, or answers do not tell it."""
        told = [self.answerer.words(array, self.model, Asked("", size, len(self.model.labels)))
                for array, size in zip(found, self.samples.sizes, strict=True)]
        if self.task.judge and all(target is not None for target in self.samples.targets):
            judge = resolve_name(self.task.judge)(list(self.model.labels), self.model.preprocessing.details)
            for answer, target in zip(told, self.samples.targets, strict=True):
                judge.add(answer, target)
            value = judge.tally.report(list(self.model.labels)).get(self.task.measures[0].name)
            return float(value) if value is not None and np.isfinite(value) else None
        if self.task.names_labels and any(self.samples.truths) and all(row["predictions"] for row in told):
            best = [row["predictions"][0]["label"] for row in told]
            return float(np.mean([one == other for one, other in zip(best, self.samples.truths, strict=True)]))
        return None


def latency(ms: list[float]) -> Json:
    """Half of the entries were answered within p50, 95 of 100 within p95 milliseconds."""
    return {"p50_ms": round(float(np.percentile(ms, 50)), 3), "p95_ms": round(float(np.percentile(ms, 95)), 3)}
