"""What an export can be told, described once. No torch here."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from digits_core.errors import Problem
from digits_core.options import JobOptions, option

Format = Literal["onnx", "torchscript", "executorch"]
Precision = Literal["fp32", "fp16", "int8"]
FILES = {"fp32": "model.onnx", "fp16": "model.fp16.onnx", "int8": "model.int8.onnx",
         "torchscript": "model.torchscript", "executorch": "model.pte"}
ARCHIVE, REPORT = "archive", "export.json"
"""In the job folder: what goes into the archive as it is, and what was measured."""


class Variant(NamedTuple):
    """One file of an export."""

    format: str
    precision: str

    @property
    def file(self) -> str:
        """Its name in the archive."""
        return FILES[self.precision if self.format == "onnx" else self.format]

    @property
    def title(self) -> str:
        """For people."""
        return {"onnx": "ONNX", "torchscript": "TorchScript", "executorch": "ExecuTorch"}[self.format] + (
            f" {self.precision}" if self.format == "onnx" else "")


class ExportOptions(JobOptions):
    """Which checkpoint, as what, and how far an answer may be from PyTorch's."""

    checkpoint: str = option("best", title="Checkpoint", group="Model", help="best, last, or an epoch such as 12.")
    formats: list[Format] = option(
        ["onnx"], title="Formats", group="Model", help="ONNX is always there.",
        labels={"onnx": "ONNX", "torchscript": "TorchScript", "executorch": "ExecuTorch"})
    precisions: list[Precision] = option(
        ["fp32"], title="Precision of ONNX", group="Model",
        labels={"fp32": "32 bits", "fp16": "16 bits", "int8": "8 bits, integers"},
        help="32 bits are always there. 16 bits halve the file; 8 bits make it a quarter, and often faster on a CPU.")
    pictures: int = option(100, title="Pictures to check with", group="Check", ge=1, le=10_000, advanced=True,
                           help="Of the dataset's validation split, spread over it; drawn ones when it is gone.")
    tolerance: float = option(0.001, title="Largest difference", group="Check", gt=0, le=1, advanced=True,
                              help="In full precision, as a share of the usual range of an answer: 0.001 of "
                                   "probabilities is a tenth of a percent.")
    fp16_agreement: float = option(98.0, title="Agreement of 16 bits (%)", group="Check", ge=0, le=100, advanced=True,
                                   help="So many answers must be the same.")
    int8_agreement: float = option(90.0, title="Agreement of 8 bits (%)", group="Check", ge=0, le=100, advanced=True)
    drop: float = option(2.0, title="Largest loss of the measure (%)", group="Check", ge=0, le=100, advanced=True,
                         help="What 16 and 8 bits may cost, in points of percent; of a measure that is no share, in "
                              "percent of it.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A format whose library is not installed."""
        if "executorch" in self.formats and importlib.util.find_spec("executorch") is None:
            return [Problem("formats", "ExecuTorch is not installed on this server: pip install executorch.")]
        return []

    def variants(self) -> list[Variant]:
        """What is made, in the order of the report; the first is that on which the others are based."""
        onnx = [Variant("onnx", precision) for precision in ("fp32", "fp16", "int8")
                if precision == "fp32" or precision in self.precisions]
        return onnx + [Variant(format, "fp32") for format in ("torchscript", "executorch") if format in self.formats]


def of_job(options: dict[str, Any]) -> ExportOptions:
    """The options among those of a job."""
    return ExportOptions.model_validate({name: options[name] for name in ExportOptions.model_fields if name in options})
