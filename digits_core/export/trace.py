"""From PyTorch to the files that other programs run, and asking PyTorch the same. Runs custom networks' code."""

import io
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from digits_core import files
from digits_core.errors import BadData
from digits_core.export.boxes import traceable
from digits_core.export.graph import Graph
from digits_core.infer.signature import Signature

LARGEST = 2_000_000_000
"""Bytes of an ONNX file: it is one message of Protocol Buffers."""
Answer = Callable[[NDArray[Any]], NDArray[Any]]
"""From a batch to the graph's output."""


def write_onnx(graph: Graph, entry: NDArray[Any], ports: Signature, path: Path) -> bool:
    """Write the graph; whether it takes batches of any length. The same checkpoint gives the same bytes.

    Raises BadData where PyTorch cannot turn the network into a graph.
    """
    if sum(part.numel() * part.element_size() for part in graph.parameters()) > LARGEST:
        raise BadData("The network is larger than 2 GB, which one ONNX file cannot hold.")
    shapes = [True, False] if ports.batched else [False]
    failures = []
    for dynamic in shapes:
        try:
            files.write_atomic(path, _onnx(graph, entry, ports, dynamic))
            return dynamic
        except Exception as error:  # the exporter raises whatever it likes
            failures.append(error)
    raise BadData(f"PyTorch cannot write this network as ONNX: {_short(failures[-1])}") from failures[-1]


def _onnx(graph: Graph, entry: NDArray[Any], ports: Signature, dynamic: bool) -> bytes:
    batch = torch.from_numpy(np.stack([entry, entry] if dynamic else [entry]))
    with warnings.catch_warnings(), traceable():
        warnings.simplefilter("ignore")  # on constants and aliases inside PyTorch
        program = torch.onnx.export(
            graph, (batch,), dynamo=True, verbose=False, input_names=[ports.input.name],
            output_names=[ports.output.name],
            dynamic_shapes={"given": {0: torch.export.Dim("batch")}} if dynamic else None)
    assert program is not None
    return plain(program.model_proto).SerializeToString(deterministic=True)


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without what tells of this server: stack traces with paths, names of files."""
    for part in [model.graph, *model.functions]:
        _forget(part)
        for value in [*getattr(part, "value_info", []), *getattr(part, "input", []), *getattr(part, "output", [])]:
            _forget(value)
        for node in part.node:
            _forget(node)
    _forget(model)
    return model


def _forget(part: Any) -> None:
    for name in ("metadata_props", "doc_string"):
        if name in getattr(part, "DESCRIPTOR", part).fields_by_name:
            part.ClearField(name)


def write_torchscript(graph: Graph, entry: NDArray[Any], path: Path) -> None:
    """Write the trace of the graph, for a batch of one. Raises BadData where PyTorch cannot."""
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # that tracing is old, and that constants are constants
            traced = torch.jit.trace(graph, torch.from_numpy(entry[None]), check_trace=False)
            kept = io.BytesIO()
            torch.jit.save(traced, kept)
    except Exception as error:
        raise BadData(f"PyTorch cannot write this network as TorchScript: {_short(error)}") from error
    files.write_atomic(path, _without_places(kept))


def _without_places(archive: io.BytesIO) -> bytes:
    """The same archive without its debug records, which tell the paths of this server's source."""
    made = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as target:
        for member in source.infolist():
            if not member.filename.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(member.filename), source.read(member))
    return made.getvalue()


def write_executorch(graph: Graph, entry: NDArray[Any], path: Path) -> None:
    """Write the program for a batch of one. Raises BadData where ExecuTorch cannot."""
    try:
        from executorch.exir import to_edge

        with warnings.catch_warnings(), traceable():
            warnings.simplefilter("ignore")
            exported = torch.export.export(graph, (torch.from_numpy(np.stack([entry])),))  # [None]: stride 0
            content = to_edge(exported).to_executorch().buffer
    except Exception as error:
        raise BadData(f"ExecuTorch cannot take this network: {_short(error)}") from error
    files.write_atomic(path, bytes(content))


def ask_torchscript(path: Path) -> Answer:
    """What a written trace says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.load(str(path))
    return asking(traced)


def ask_executorch(path: Path) -> Answer:
    """What a written program says."""
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(path).load_method("forward")
    return asking(lambda batch: method.execute([batch])[0])


def asking(module: Callable[[Tensor], Tensor]) -> Answer:
    """A module as a function of arrays."""
    def answer(batch: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            found: NDArray[Any] = module(torch.from_numpy(batch)).numpy()
        return found

    return answer


def timed(answer: Answer, entries: list[NDArray[Any]], tick: Callable[[], None]
          ) -> tuple[list[NDArray[Any]], list[float]]:
    """Outputs of entries one by one, and milliseconds for each; the first is asked twice, to be warm."""
    answer(entries[0][None])
    found, spent = [], []
    for entry in entries:
        tick()
        started = time.perf_counter()
        found.append(answer(entry[None]))
        spent.append(1000 * (time.perf_counter() - started))
    return found, spent


def _short(error: Exception) -> str:
    """The line of a long message that says what was wrong."""
    lines = [line.strip() for line in str(error.__cause__ or error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
