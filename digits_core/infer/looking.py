"""Looks inside a network while it sees one picture: its layers, and where the evidence for a label is."""

from typing import Any

import numpy as np

from digits_core.infer.explain import METHODS, explain
from digits_core.infer.layers import layers
from digits_core.infer.predictor import Pixels, Predictor

Json = dict[str, Any]


def look(predictor: Predictor, pixels: Pixels, wanted: Json) -> Json:
    """``layers`` and ``explanations`` as asked for, and the label that is explained (the best one when none is named).

    See layers and explain for their entries; ``parameters`` are all numbers that training can change.
    """
    found: Json = {"parameters": sum(part.numel() for part in predictor.network.parameters())}
    if wanted.get("layers"):
        found["layers"] = layers(predictor, pixels, str(wanted.get("colormap", "jet")))
    methods = [str(method) for method in wanted.get("methods", []) if method in METHODS]
    if methods:
        label = str(wanted.get("label") or predictor.model.labels[int(np.argmax(predictor.predict([pixels])[0]))])
        found |= {"explained": label,
                  "explanations": explain(predictor, pixels, predictor.model.labels.index(label), methods)}
    return found
