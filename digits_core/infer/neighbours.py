"""Answers of embeddings: where a picture lies, which training pictures lie nearest, and of which class they are."""

import base64
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from digits_core.data.pictures import to_png
from digits_core.infer.agreement import SamePlace
from digits_core.infer.answers import Asked, Found, Whole
from digits_core.infer.model_folder import ModelFolder

Json = dict[str, Any]
VOTERS = 5


class Neighbours(Whole, SamePlace):
    """{"embedding": [numbers], "neighbours": [{"label", "distance", "picture": PNG in base64}], "predictions"}.

    With them "threshold": a smaller distance means the same class. Predictions are all classes, each with its share of
    the five nearest training pictures, of equal ones the nearer first. Where a checkpoint has no gallery, only the
    embedding is told.
    """

    def tensor(self, outputs: Tensor) -> Tensor:
        """Embeddings float32 (B, D) of length 1."""
        return functional.normalize(outputs.float())

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        known, told = model.reference, {"embedding": found.tolist(), "neighbours": [], "predictions": []}
        if not known:
            return told
        distance = np.linalg.norm(known["embedding"].astype(np.float32) - found, axis=1)
        nearest = np.argsort(distance, kind="stable")
        label = known["label"]
        shares = np.bincount(label[nearest[:VOTERS]], minlength=len(model.labels)) / min(VOTERS, len(nearest))
        closest = np.full(len(model.labels), np.inf)
        np.minimum.at(closest, label, distance)
        order = np.lexsort((closest, -shares))[:asked.top]
        return {"embedding": found.tolist(), "threshold": float(known["threshold"][0]),
                "predictions": [{"label": model.labels[k], "probability": float(shares[k])} for k in order],
                "neighbours": [{"label": model.labels[label[i]], "distance": float(distance[i]),
                                "picture": base64.b64encode(to_png(known["thumb"][i])).decode()}
                               for i in nearest[:asked.top]]}
