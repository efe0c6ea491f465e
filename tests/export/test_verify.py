from pathlib import Path

import pytest

from digits_core.errors import BadData
from digits_core.export.verify import ask_onnx


def test_a_file_that_cannot_be_loaded_is_refused_in_words_by_a_process_that_may_crash(tmp_path: Path) -> None:
    path = tmp_path / "model.fp16.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(BadData, match=r"cannot load model.fp16.onnx: .*Export without this variant"):
        ask_onnx(path, 1)
