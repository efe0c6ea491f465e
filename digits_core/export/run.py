"""The worker of an export: write each variant, ask it what PyTorch was asked, and lay out the archive if all agree."""

import shutil
from pathlib import Path
from typing import Any

import torch

from digits_core import files
from digits_core.errors import BadData
from digits_core.export.graph import Graph
from digits_core.export.layout import lay_out
from digits_core.export.options import ARCHIVE, FILES, REPORT, Variant, of_job
from digits_core.export.reduce import halve, quantise
from digits_core.export.samples import Samples, samples
from digits_core.export.trace import (
    ask_executorch,
    ask_torchscript,
    asking,
    timed,
    write_executorch,
    write_onnx,
    write_torchscript,
)
from digits_core.export.verify import Heard, Verifier, ask_onnx, latency
from digits_core.infer.model_files import CheckpointFile
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import signature
from digits_core.jobs.context import Context
from digits_core.tasks import task

Json = dict[str, Any]


def run(context: Context) -> Json:
    """Make the export; returns what the lists show. Raises BadData when a variant says something else than PyTorch.

    The report is kept either way. Until all variants agree there is no archive.
    """
    folder, asked = context.folder.path, context.job.options
    work = folder / ".export"
    for old in (work, folder / ARCHIVE):
        shutil.rmtree(old, ignore_errors=True)
    work.mkdir()
    try:
        source = context.store.folder(str(asked["model"])).path
        model = ModelFolder.read(source)
        row = model.checkpoint(str(asked["checkpoint_file"]))
        report = Export(context, model.at(row), row, work).report()
        files.write_atomic(folder / REPORT, report)
        for bad in (variant for variant in report["variants"] if variant["reason"]):
            other = "Allow" if bad["file"] == FILES["fp32"] else "Leave it out, allow"
            raise BadData(f"{bad['name']} was not exported: {bad['reason']} Nothing is offered for download. {other} "
                          "more, or choose another checkpoint.")
        context.progress(0.95, "Putting the archive together")
        lay_out(model.at(row), row, report, files.read_json(folder / "about.json") or {}, work, folder / ARCHIVE)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    first = report["variants"][0]
    return {"variants": len(report["variants"]), "bytes": first["bytes"], "agreement": first["agreement"],
            "epoch": row.epoch, "p50_ms": first["p50_ms"]}


class Export:
    """One checkpoint and everything that is made of it, in the folder ``work``."""

    def __init__(self, context: Context, model: ModelFolder, row: CheckpointFile, work: Path) -> None:
        self.context, self.model, self.row, self.work = context, model, row, work
        self.options = of_job(context.job.options)
        self.variants = self.options.variants()

    def report(self) -> Json:
        """Write and check all variants; what became of each."""
        model = self.model
        self.step(0, "Loading the model")
        graph = Graph(model, self.row)
        found = samples(self.context.store.root, str(self.context.job.options.get("dataset", "")), model,
                        self.options.pictures)
        self.step(0.05, "Asking PyTorch")
        reference = Heard(*timed(asking(graph), found.entries, self.context.check_stop))
        verifier = Verifier(model, found, reference, self.options)
        rows, batch = [], ""
        for number, variant in enumerate(self.variants):
            done = 0.1 + 0.8 * number / len(self.variants)
            self.step(done, f"Writing {variant.title}")
            takes = self.write(variant, graph, found)
            batch = takes or batch
            self.step(done + 0.5 / len(self.variants), f"Checking {variant.title}")
            path = self.work / variant.file
            heard = Heard(*timed(self.ask(variant, path), found.entries, self.context.check_stop))
            rows.append(verifier.row(variant, path, heard, batch if variant.format == "onnx" else "1"))
            self.context.log(_line(rows[-1]))
        goal = task(model.network.task).measures[0]
        ports = signature(model)
        return {"v": 1, "model": self.context.job.options["model"], "epoch": self.row.epoch, "source": found.source,
                "pictures": len(found.entries), "threads": torch.get_num_threads(),
                "measure": goal._asdict() if verifier.metric is not None else None,
                "reference": {"metric": verifier.metric, "bytes": self.row.bytes, **latency(reference.ms)},
                "input": ports.input._asdict(), "output": ports.output._asdict(), "variants": rows}

    def step(self, done: float, phase: str) -> None:
        """Tell how far it is, and end if that is wanted."""
        self.context.check_stop()
        self.context.progress(done, phase)

    def write(self, variant: Variant, graph: Graph, found: Samples) -> str:
        """Write one file; of the graph itself, which batches it takes."""
        target, first, whole = self.work / variant.file, found.entries[0], self.work / Variant("onnx", "fp32").file
        if variant.format == "torchscript":
            write_torchscript(graph, first, target)
        elif variant.format == "executorch":
            write_executorch(graph, first, target)
        elif variant.precision == "fp16":
            halve(whole, target)
        elif variant.precision == "int8":
            quantise(whole, target, found.entries)
        else:
            return "any" if write_onnx(graph, first, signature(self.model), target) else "1"
        return ""

    def ask(self, variant: Variant, path: Path) -> Any:
        """A function that runs the file that was written."""
        if variant.format == "torchscript":
            return ask_torchscript(path)
        return ask_executorch(path) if variant.format == "executorch" else ask_onnx(path, torch.get_num_threads())


def _line(row: Json) -> str:
    apart = "-" if row["difference"] is None else f"{row['difference']:.2g}"
    return (f"{row['name']}: {row['bytes']} bytes, agreement {row['agreement']:.4f}, largest difference {apart}, "
            f"p50 {row['p50_ms']} ms, p95 {row['p95_ms']} ms {row['reason']}").rstrip()
