"""Videos from the shell, with real processes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import last_json
from tests.data.videos import video
from tests.infer.model_folders import make_model


@pytest.mark.slow
def test_frames_and_an_annotated_video(process: Callable, workspace, tmp_path: Path) -> None:
    path, model = video(tmp_path / "a.mp4", 4), make_model(workspace.store)
    taking = process("frames", "--videos", path, "--frame-step", 2, "--frames-by", "step", "--wait", "--to",
                     tmp_path / "out", "--json")
    asking = process("classify-video", "--model", model.id, "--video", path, "--option", "top=1", "--wait", "--out",
                     tmp_path / "out.mp4", "--csv", tmp_path / "out.csv", "--json")
    stdout, stderr = taking.communicate(timeout=120)
    assert (taking.returncode, last_json(stdout)["metrics"]["pictures"]) == (0, 2), stderr
    assert [file.name for file in sorted((tmp_path / "out" / "a.mp4").iterdir())] == ["a_frame_000000.jpg",
                                                                                    "a_frame_000002.jpg"]
    stdout, stderr = asking.communicate(timeout=120)
    assert (asking.returncode, last_json(stdout)["metrics"]["pictures"]) == (0, 4), stderr
    assert (tmp_path / "out.mp4").stat().st_size > 500
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 5


def test_files_that_are_not_there_at_once_need_to_be_waited_for(digits: Callable, workspace, tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", 1)
    done = digits("frames", "--videos", path, "--to", tmp_path)
    assert done.exit_code == 2 and "needs --wait" in done.stderr
    done = digits("classify-video", "--model", "x", "--video", path, "--csv", tmp_path / "a.csv")
    assert done.exit_code == 2 and "needs --wait" in done.stderr
    assert digits("classify-video", "--model", "x").exit_code == 2
