"""A process that loads an ONNX file and is gone: ONNX Runtime can crash on a graph that its checks accept."""

from typing import Any

import onnxruntime

from digits_core.jobs.child import answer

Json = dict[str, Any]


def load(question: Json) -> Json:
    """Load ``file`` as programs do that change no setting."""
    onnxruntime.InferenceSession(question["file"], providers=["CPUExecutionProvider"])
    return {}


if __name__ == "__main__":
    answer(load)
