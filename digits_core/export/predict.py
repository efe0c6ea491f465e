"""Ask the model beside this file: ``python predict.py [--model FILE] PICTURE...`` prints an answer a line, as JSON.

Needs onnxruntime, numpy and pillow. README.md says which models there are, SHA256SUMS whether they are whole.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).parent
STEPS = json.loads((HERE / "preprocessing.json").read_text("utf-8"))
LABELS = (HERE / "labels.txt").read_text("utf-8").removesuffix("\n").split("\n")
SIZE = STEPS["width"], STEPS["height"]
MODE = STEPS["resize_mode"]


def opened(path):
    """An upright picture of 8 bits, grey or colour."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    elif image.mode == "1":
        image = image.convert("L")
    elif image.has_transparency_data:
        grey, image = image.mode in ("LA", "L"), image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        image = image.convert("L") if grey else image
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return image.convert("L" if STEPS["channels"] == "gray" else "RGB")


def read_picture(path, fit):
    """Pixels (height, width, channels) of the wanted size, and where the picture's own pixels are in them."""
    image, place = fit(opened(path))
    return np.atleast_3d(np.asarray(image)), place


def read_planes(path, fit):
    """The same in full depth, from .npy or what Pillow opens; 0..255 stand for the values that training saw."""
    planes = np.load(path) if path.endswith(".npy") else np.asarray(Image.open(path))
    if planes.ndim == 2:
        planes = planes[None]
    elif planes.shape[2] < min(65, planes.shape[0]):
        planes = planes.transpose(2, 0, 1)
    low, high = STEPS["span"]
    planes = (planes.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    fitted = [fit(Image.fromarray(plane)) for plane in planes]
    return np.stack([np.asarray(image) for image, _ in fitted], -1), fitted[0][1]


def read_text(path, fit):
    """Numbers of the characters of a text file."""
    known = {character: number for number, character in enumerate(STEPS["details"]["alphabet"], 1)}
    text = Path(path).read_text("utf-8-sig").lower()[:SIZE[0]]
    return np.array([known.get(character, 0) for character in text.ljust(SIZE[0], "\0")], np.uint8), None


def squash(image):
    """Each side by itself."""
    (wide, high), middle = image.size, Image.Resampling.BILINEAR
    return image.resize(SIZE, middle), (image.size, SIZE[0] / wide, SIZE[1] / high, 0, 0)


def pad(image):
    """On black, at the top left; then each side by itself."""
    size, middle = MODE.removeprefix("pad").strip(), Image.Resampling.BILINEAR
    canvas = tuple(map(int, size.split("x"))) if size else SIZE
    if image.size == SIZE:
        return image, (SIZE, 1, 1, 0, 0)
    own, shrink = image.size, min(1.0, canvas[0] / image.width, canvas[1] / image.height)
    if shrink < 1:
        image = image.resize([max(1, round(side * shrink)) for side in own], middle)
    page = Image.new(image.mode, canvas)
    page.paste(image)
    return page.resize(SIZE, middle), (own, shrink * SIZE[0] / canvas[0], shrink * SIZE[1] / canvas[1], 0, 0)


def cover(image):
    """Scaled evenly: what is too much is cut off, what is missing is noise (always the same for a picture)."""
    if image.size == SIZE:
        return image, (SIZE, 1, 1, 0, 0)
    ratios = [side / goal for side, goal in zip(image.size, SIZE)]
    scale = {"crop": min(ratios), "fill": max(ratios), "half": sum(ratios) / 2}[MODE]
    inner = [min(goal, max(1, round(side / scale))) for side, goal in zip(image.size, SIZE)]
    span = [min(float(side), part * scale) for side, part in zip(image.size, inner)]
    start = [(side - part) / 2 for side, part in zip(image.size, span)]
    box = (*start, start[0] + span[0], start[1] + span[1])
    part = image.resize(inner, Image.Resampling.BILINEAR, box=box)
    away = [(goal - side) // 2 for goal, side in zip(SIZE, inner)]
    factor = [side / length for side, length in zip(inner, span)]
    place = (image.size, *factor, *(away[n] - start[n] * factor[n] for n in (0, 1)))
    if part.size == SIZE:
        return part, place
    noise = np.random.default_rng([0, zlib.crc32(part.tobytes())])
    page = noise.integers(0, 256, (SIZE[1], SIZE[0], 3) if part.mode == "RGB" else SIZE[::-1], np.uint8)
    page = Image.fromarray(page.astype(np.asarray(part).dtype))
    page.paste(part, tuple(away))
    return page, place


def seen(place):
    """The same place after the crop, which is inside the model."""
    size, across, down, left, top = place
    crop = STEPS["crop"]
    return place if not crop else (size, across, down, left - (SIZE[0] - crop) // 2, top - (SIZE[1] - crop) // 2)


def arrays():
    """What answers need beside the model: thresholds, or examples to compare with."""
    if not (HERE / "reference.safetensors").exists():
        return {}
    data = (HERE / "reference.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    kinds = {"F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "F64": "<f8", "I16": "<i2"}
    return {name: np.frombuffer(data[start:], kinds[row["dtype"]], int(np.prod(row["shape"])), row["data_offsets"][0])
            .reshape(row["shape"]) for name, row in json.loads(data[8:start]).items() if name != "__metadata__"}


def best(shares):
    """The five largest, by name."""
    order = np.argsort(-shares, kind="stable")[:5]
    return [{"label": LABELS[k], "probability": float(shares[k])} for k in order]


def tell_label(output, place, path):
    """Of classification."""
    return {"predictions": best(output[0])}


def tell_set(output, place, path):
    """Of multi-label classification: all labels, with the probability from which each counts."""
    least = arrays().get("threshold", np.full(len(LABELS), 0.5))
    return {"predictions": [{"label": LABELS[k], "probability": float(output[0][k]), "threshold": float(least[k]),
                             "yes": bool(output[0][k] >= least[k])} for k in np.argsort(-output[0], kind="stable")]}


def tell_mask(output, place, path):
    """Of segmentation: shares of the classes, and a picture of class numbers as large as the one that was given."""
    (wide, high), across, down, left, top = seen(place)
    x = np.floor((np.arange(wide) + 0.5) * across + left).astype(int)
    y = np.floor((np.arange(high) + 0.5) * down + top).astype(int)
    rows, columns = output[0].shape
    mask = output[0][y.clip(0, rows - 1)][:, x.clip(0, columns - 1)]
    mask[(y < 0) | (y >= rows)] = 255
    mask[:, (x < 0) | (x >= columns)] = 255
    Image.fromarray(mask).save(f"{path}.mask.png")
    counts = np.bincount(mask[mask != 255], minlength=len(LABELS))[:len(LABELS)]
    shares = [{"label": label, "share": float(n / max(1, counts.sum()))} for label, n in zip(LABELS, counts)]
    return {"mask": f"{path}.mask.png", "classes": sorted(shares, key=lambda row: -row["share"])}


def tell_boxes(output, place, path):
    """Of detection, in pixels of the picture."""
    size, across, down, left, top = seen(place)
    edges = (output[:, 1:5] - [left, top, left, top]) / [across, down, across, down]
    edges = edges.clip(0, [*size, *size])
    return {"boxes": [{"label": LABELS[int(row[0])], "score": float(row[5]), "box": [round(float(e), 3) for e in edge]}
                      for row, edge in zip(output, edges) if edge[2] > edge[0] and edge[3] > edge[1]]}


def tell_values(output, place, path):
    """Of regression."""
    return {"values": [{"label": label, "value": float(value)} for label, value in zip(LABELS, output[0])]}


def shown(pixels, path):
    """Write pixels (channels, height, width), 0..255, as a picture; of many channels the first three."""
    pixels = np.rint(pixels).clip(0, 255).astype(np.uint8)[:3 if len(pixels) > 2 else 1]
    Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(path)
    return path


def tell_picture(output, place, path):
    """Of image processing."""
    return {"picture": shown(output[0], f"{path}.answer.png")}


def tell_embedding(output, place, path):
    """Of metric learning: where it lies, and what the nearest five training pictures are."""
    known = arrays()
    if not known:
        return {"embedding": output[0].tolist()}
    away = np.linalg.norm(known["embedding"].astype(np.float32) - output[0], axis=1)
    near = np.argsort(away, kind="stable")[:5]
    shares = np.bincount(known["label"][near], minlength=len(LABELS)) / len(near)
    closest = [away[known["label"] == k].min(initial=np.inf) for k in range(len(LABELS))]
    order = np.lexsort((closest, -shares))[:5]
    return {"embedding": output[0].tolist(), "threshold": float(known["threshold"][0]),
            "predictions": [{"label": LABELS[k], "probability": float(shares[k])} for k in order]}


def tell_code(output, place, path):
    """Of generation: z, the class, and the picture that is made of them again."""
    network = json.loads((HERE / "network.json").read_text("utf-8"))
    length = network["outputs"]
    told = {"predictions": best(output[0][100:length])} if length > 100 else {}
    pixels = (output[0][length:].reshape(network["input_shape"]) + 1) * 127.5
    return {"picture": shown(pixels, f"{path}.answer.png"), "z": output[0][:100].tolist(), **told}


def main(read, fit, tell):
    """Answer for every file that is named."""
    arguments = sys.argv[1:]
    file = arguments.pop(0) and arguments.pop(0) if arguments[:1] == ["--model"] else "model.onnx"
    session = onnxruntime.InferenceSession(HERE / file)
    name = session.get_inputs()[0].name
    for path in arguments or sys.exit(__doc__):
        entry, place = read(path, fit)
        output = session.run(None, {name: np.ascontiguousarray(entry[None])})[0]
        print(json.dumps({"image": path, **tell(output, place, path)}))
