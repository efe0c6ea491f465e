"""From a network's output to what people and programs are told; one class for each kind of answer."""

import base64
import io
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from digits_core.data.pictures import to_png
from digits_core.data.planes import own_values
from digits_core.infer.agreement import Close, SameBoxes, SameClasses, SameLabel, SameSet
from digits_core.infer.model_folder import ModelFolder
from digits_core.networks import LATENT

Json = dict[str, Any]
Found = NDArray[Any]


class Asked(NamedTuple):
    """About which picture, and how much is wanted: its name, width and height, and how many labels at most.

    ``whole``: it was not brought to the model's size.
    """

    name: str
    size: tuple[int, int]
    top: int
    whole: bool = False


class Answerer(Protocol):
    """What a task makes of outputs."""

    def tensor(self, outputs: Tensor) -> Tensor:
        """The torch half of ``finish`` for the outputs of a batch, which exported graphs have inside."""
        ...

    def difference(self, one: Found, other: Found) -> float | None:
        """How far two answers are apart, and ``agreement`` how alike: see digits_core.infer.agreement."""
        ...

    def agreement(self, one: Found, other: Found) -> float:
        """See ``difference``."""
        ...

    def finish(self, outputs: Any) -> list[Found]:
        """One array for each picture of a batch, on the CPU; what is compared when answers must be the same."""
        ...

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """The array as JSON: places in pixels of the picture as it came, classes by their names."""
        ...


class Whole:
    """Answerers whose outputs are one tensor."""

    def tensor(self, outputs: Tensor) -> Tensor:
        """See Answerer."""
        raise NotImplementedError

    def finish(self, outputs: Tensor) -> list[Found]:
        """See Answerer: the rows of ``tensor``."""
        return list(self.tensor(outputs).cpu().numpy())


class Labels(Whole, SameLabel):
    """Of classification: {"predictions": [{"label", "probability" (0..1)}]}, the most probable first."""

    def tensor(self, outputs: Tensor) -> Tensor:
        """Probabilities (B, K)."""
        return outputs.float().softmax(1)

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        order = np.argsort(-found, kind="stable")[:asked.top]  # stable: equal ones stay in the order of the labels
        return {"predictions": [{"label": model.labels[k], "probability": float(found[k])} for k in order]}


class LabelSet(Whole, SameSet):
    """Of multi-label classification: {"predictions": [{"label", "probability", "threshold", "yes"}]}.

    All labels: first those that count (whose probability reaches the threshold), the most probable first.
    """

    def tensor(self, outputs: Tensor) -> Tensor:
        """Probabilities (B, K), each by itself."""
        return outputs.float().sigmoid()

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        threshold = model.reference.get("threshold", np.full(len(found), 0.5, np.float32))
        yes = found >= threshold
        return {"predictions": [{"label": model.labels[k], "probability": float(found[k]),
                                 "threshold": float(threshold[k]), "yes": bool(yes[k])}
                                for k in np.lexsort((-found, ~yes))]}


class Mask(Whole, SameClasses):
    """Of segmentation: {"mask": PNG in base64, "classes": [{"class", "label", "share" (0..1), "colour"}]}.

    The largest class comes first; colours are told where the dataset has some. The mask is as large as the picture,
    its grey values are class numbers; 255 is what the network did not see.
    """

    def tensor(self, outputs: Tensor) -> Tensor:
        """Class numbers uint8 (B, H, W)."""
        return outputs.argmax(1).to(torch.uint8)

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        mask = model.placement(asked.size).back(found, *asked.size)
        counts = np.bincount(mask[mask != 255].ravel(), minlength=len(model.labels))[:len(model.labels)]
        colours = model.preprocessing.details.get("rule", {}).get("colours", [])
        shares = [{"class": number, "label": label, "share": float(count / max(1, counts.sum())),
                   **({"colour": colours[number]} if number < len(colours) else {})}
                  for number, (label, count) in enumerate(zip(model.labels, counts, strict=True))]
        return {"mask": base64.b64encode(to_png(mask[None])).decode(),
                "classes": sorted(shares, key=lambda row: -float(row["share"]))}


class Boxes(SameBoxes):
    """Of detection: {"boxes": [{"label", "score" (0..1), "box": [x0, y0, x1, y1]}], "labels"}, the best first.

    Edges are in pixels of the picture; ``labels`` are all classes in their order. Boxes wholly outside are left out.
    """

    def tensor(self, outputs: Any) -> Tensor:
        """Of a batch of one."""
        boxes: Tensor = outputs[0]
        return boxes.float()

    def finish(self, outputs: Any) -> list[Found]:
        """Boxes float32 (N, 6): class, x0, y0, x1, y1, score, in pixels of the network's input."""
        return [boxes.float().cpu().numpy() for boxes in outputs]

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        where = model.placement(asked.size)
        boxes = found.astype(np.float64)
        boxes[:, [1, 3]] = ((boxes[:, [1, 3]] - where.left) / where.scale_x).clip(0, asked.size[0])
        boxes[:, [2, 4]] = ((boxes[:, [2, 4]] - where.top) / where.scale_y).clip(0, asked.size[1])
        rows = [{"label": model.labels[int(kind)], "score": score, "box": [round(edge, 3) for edge in edges]}
                for kind, *edges, score in boxes.tolist() if edges[2] > edges[0] and edges[3] > edges[1]]
        return {"boxes": rows, "labels": list(model.labels)}


class Numbers(Whole, Close):
    """Of regression: {"values": [{"label", "value"}]} in the order of the dataset's columns."""

    def tensor(self, outputs: Tensor) -> Tensor:
        """Numbers float32 (B, K) as the network gives them: around 0, see digits_core.train.regressor."""
        return outputs.float()

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        scale = model.preprocessing.details
        own = found * np.array(scale["std"]) + np.array(scale["mean"])
        return {"values": [{"label": label, "value": float(value)}
                           for label, value in zip(model.labels, own, strict=True)]}


class Image(Whole, Close):
    """Of image processing: {"picture": PNG in base64}, as large as the network makes it.

    In full depth also {"array": file of NumPy in base64}: float32 (C, H, W) with values as the files have them.
    """

    span, same = 255.0, 0.03

    def tensor(self, outputs: Tensor) -> Tensor:
        """Pixels float32 (B, C, H, W), 0..255."""
        return outputs.float() * 255

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        told = {"picture": base64.b64encode(to_png(found)).decode()}
        if model.preprocessing.span is None:
            return told
        file = io.BytesIO()
        np.save(file, own_values(found, model.preprocessing.span), allow_pickle=False)
        return {**told, "array": base64.b64encode(file.getvalue()).decode()}


class Code(Whole, Close):
    """Of generation: {"picture": PNG in base64, "z": numbers, "predictions": as of Labels, none without classes}.

    The picture is what the generator makes of the code that the encoder found, as large as the network's input.
    """

    def tensor(self, outputs: Tensor) -> Tensor:
        """The code, and behind it the picture from -1 to 1, in one row (see digits_core.networks.dcgan)."""
        return outputs.float()

    def words(self, found: Found, model: ModelFolder, asked: Asked) -> Json:
        """See Answerer."""
        length = model.network.outputs
        pixels = ((found[length:].reshape(model.network.input_shape) + 1) * 127.5).round().clip(0, 255)
        kinds = Labels().words(found[LATENT:length], model, asked) if length > LATENT else {"predictions": []}
        return {"picture": base64.b64encode(to_png(pixels.astype(np.uint8))).decode(),
                "z": found[:LATENT].tolist(), **kinds}
