"""Smaller variants of an ONNX file: numbers of 16 bits, and weights and activations of 8 bits."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers import float16
from onnxruntime.transformers.onnx_model import OnnxModel

from digits_core import files
from digits_core.errors import BadData
from digits_core.export.trace import plain

QUANTISED = ["Conv", "ConvTranspose", "Gemm", "MatMul"]
MOST = 32
"""Entries that show how large activations get."""


def halve(source: Path, target: Path) -> None:
    """Write the same graph with numbers of 16 bits; its input and output stay as they are."""
    try:
        model = float16.convert_float_to_float16(onnx.load(source), keep_io_types=True)
        OnnxModel.graph_topological_sort(model.graph)  # it puts casts behind those that need them
        onnx.checker.check_model(model)
    except Exception as error:  # converters raise whatever they like
        raise BadData(f"This network cannot be written with 16 bits: {str(error)[:300]}") from error
    files.write_atomic(target, plain(model).SerializeToString(deterministic=True))


def quantise(source: Path, target: Path, entries: list[NDArray[Any]]) -> None:
    """Write the same graph with layers of 8 bits, whose ranges are those that ``entries`` bring about."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        ready, made = Path(folder) / "ready.onnx", Path(folder) / "made.onnx"
        try:
            quant_pre_process(source, ready, skip_symbolic_shape=True)
            quantization.quantize_static(ready, made, _Entries(source, entries[:MOST]), per_channel=True,
                                         op_types_to_quantize=QUANTISED, weight_type=quantization.QuantType.QInt8,
                                         activation_type=quantization.QuantType.QUInt8)
            model = onnx.load(made)
        except Exception as error:
            raise BadData(f"This network cannot be written with 8 bits: {str(error)[:300]}") from error
    files.write_atomic(target, plain(model).SerializeToString(deterministic=True))


class _Entries(quantization.CalibrationDataReader):
    def __init__(self, source: Path, entries: list[NDArray[Any]]) -> None:
        name = onnx.load(source, load_external_data=False).graph.input[0].name
        self._rows: Iterator[dict[str, NDArray[Any]]] = iter([{name: np.asarray(entry[None])} for entry in entries])

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """One batch of one entry; None after the last."""
        return next(self._rows, None)
