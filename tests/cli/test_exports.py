"""The command that takes a model along for other programs."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from digits_core.jobs.store import JobStore
from tests.infer.model_folders import make_model


def test_where_to_write_is_checked_before_a_job_is_made(digits: Callable, store: JobStore, tmp_path: Path) -> None:
    model = make_model(store)
    for words, said in ((["--out", tmp_path / "m.rar", "--wait"], "ends in zip, tar.gz"),
                        (["--out", tmp_path / "m.zip"], "needs --wait"), (["--formats", "coreml"], "must be 'onnx'")):
        result = digits("export", model.id, *words)
        assert result.exit_code != 0 and said in result.stderr, result.stderr
    assert [view.id for view in store.jobs()] == [model.id]


@pytest.mark.slow
def test_a_model_is_exported_by_a_real_process(process: Callable, store: JobStore, tmp_path: Path) -> None:
    model = make_model(store)
    running = process("export", model.id, "--precisions", "fp32,fp16", "--fp16-agreement", 50, "--pictures", 5, "--out",
                      tmp_path / "m.tgz", "--wait")
    _, stderr = running.communicate(timeout=240)
    assert running.returncode == 0 and "model.fp16.onnx" in stderr, stderr
    with tarfile.open(tmp_path / "m.tgz") as archive:
        assert {"predict.py", "model.onnx", "model.fp16.onnx", "SHA256SUMS"} <= set(archive.getnames())
