"""Ask the model beside this file: python predict.py PICTURE... prints an answer a line, as JSON."""

import argparse
import json
import zlib  #: noise
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image  #: all
from PIL import Image, ImageOps  #: picture

HERE = Path(__file__).parent
LABELS = (HERE / "labels.txt").read_text("utf-8").removesuffix("\n").split("\n")  #: named
WIDTH, HEIGHT, ROOM_X, ROOM_Y, CUT_X, CUT_Y, LOW, SPAN = 28, 28, 30, 30, 2, 2, 0.0, 255.0  #: never
OUTPUTS, SHAPE, CHARACTERS = 110, (1, 28, 28), "abc"  #: never
ALPHABET = CHARACTERS  #: text


def pixels(path):  #: picture
    """An upright picture of 8 bits, resized: (height, width, channels)."""  #: nowhere
    """An upright picture of 8 bits, resized: (height, width, channels); and where it lies in that."""  #: placed
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    elif image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")  #: color
    image = image.convert("RGB").convert("L")  #: gray
    place = image.size, WIDTH / image.width, HEIGHT / image.height, 0, 0  #: squash placed
    image = image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)  #: squash
    image = fitted(image)  #: fitted nowhere
    image, place = fitted(image)  #: fitted placed
    return np.atleast_3d(np.asarray(image))  #: nowhere
    return np.atleast_3d(np.asarray(image)), place  #: placed


def pixels(path):  #: all
    """In full depth, from .npy or what Pillow opens; 0..255 stand for the values that training saw."""
    planes = np.load(path) if path.endswith(".npy") else np.asarray(Image.open(path))
    if planes.ndim == 2:
        planes = planes[None]
    elif planes.shape[2] < min(65, planes.shape[0]):
        planes = planes.transpose(2, 0, 1)
    planes = (planes.astype(np.float32) - np.float32(LOW)) * np.float32(255 / SPAN)
    place = planes.shape[:0:-1], WIDTH / planes.shape[2], HEIGHT / planes.shape[1], 0, 0  #: squash placed
    images = [Image.fromarray(plane) for plane in planes]
    images = [image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR) for image in images]  #: squash
    images = [fitted(image) for image in images]  #: fitted nowhere
    images, (place, *_) = zip(*(fitted(image) for image in images))  #: fitted placed
    return np.stack([np.asarray(image) for image in images], -1)  #: nowhere
    return np.stack([np.asarray(image) for image in images], -1), place  #: placed


def pixels(path):  #: text
    """Numbers of the characters of a text file."""
    known = {character: number for number, character in enumerate(ALPHABET, 1)}
    text = Path(path).read_text("utf-8-sig").lower()[:WIDTH]
    return np.array([known.get(character, 0) for character in text.ljust(WIDTH, "\0")], np.uint8)


def fitted(image):  #: pad
    """On black, at the top left."""  #: own
    """On black, at the top left; then each side by itself."""  #: canvas
    if image.size == (WIDTH, HEIGHT):  #: canvas
        return image  #: canvas nowhere
        return image, (image.size, 1, 1, 0, 0)  #: canvas placed
    wide, high = image.size  #: placed
    shrink = min(1.0, ROOM_X / image.width, ROOM_Y / image.height)
    if shrink < 1:
        image = image.resize([max(1, round(side * shrink)) for side in image.size], Image.Resampling.BILINEAR)
    page = Image.new(image.mode, (ROOM_X, ROOM_Y))
    page.paste(image)
    return page  #: own nowhere
    return page, ((wide, high), shrink, shrink, 0, 0)  #: own placed
    return page.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)  #: canvas nowhere
    page = page.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)  #: canvas placed
    return page, ((wide, high), shrink * WIDTH / ROOM_X, shrink * HEIGHT / ROOM_Y, 0, 0)  #: canvas placed


def fitted(image):  #: even
    """Scaled evenly; what is too much is cut off."""  #: crop
    """Scaled evenly, on noise that is always the same for a picture."""  #: fill
    """Scaled evenly; too much is cut off, too little filled with noise, always the same for a picture."""  #: half
    goals = WIDTH, HEIGHT
    ratios = [side / goal for side, goal in zip(image.size, goals)]
    scale = min(ratios)  #: crop
    scale = max(ratios)  #: fill
    scale = sum(ratios) / 2  #: half
    inner = [min(goal, max(1, round(side / scale))) for side, goal in zip(image.size, goals)]
    span = [min(float(side), part * scale) for side, part in zip(image.size, inner)]
    start = [(side - part) / 2 for side, part in zip(image.size, span)]
    box = *start, start[0] + span[0], start[1] + span[1]
    return image.resize(inner, Image.Resampling.BILINEAR, box=box)  #: crop nowhere
    part = image.resize(inner, Image.Resampling.BILINEAR, box=box)  #: crop placed
    part = image.resize(inner, Image.Resampling.BILINEAR, box=box)  #: noise
    away = [(goal - side) // 2 for goal, side in zip(goals, inner)]  #: noise
    away = [0, 0]  #: crop placed
    factor = [side / length for side, length in zip(inner, span)]  #: placed
    place = image.size, *factor, *(away[n] - start[n] * factor[n] for n in (0, 1))  #: placed
    return part, place  #: crop placed
    if part.size == goals:  #: noise
        return part  #: noise nowhere
        return part, place  #: noise placed
    noise = np.random.default_rng([0, zlib.crc32(part.tobytes())])  #: noise
    page = noise.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)  #: noise color
    page = noise.integers(0, 256, (HEIGHT, WIDTH), np.uint8)  #: noise gray
    page = noise.integers(0, 256, (HEIGHT, WIDTH), np.uint8).astype(np.float32)  #: noise all
    page = Image.fromarray(page)  #: noise
    page.paste(part, away)  #: noise
    return page  #: noise nowhere
    return page, place  #: noise placed


def kept(name):  #: reference
    """Numbers that answers need beside the model."""
    data = (HERE / "reference.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    row = json.loads(data[8:start])[name]
    kind = {"F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "F64": "<f8", "I16": "<i2"}
    values = np.frombuffer(data[start:], kind[row["dtype"]], int(np.prod(row["shape"])), row["data_offsets"][0])
    return values.reshape(row["shape"])


def answer(shares):  #: label
    """The five most probable labels."""
    best = np.argsort(-shares, kind="stable")[:5]
    return {"predictions": [{"label": LABELS[k], "probability": float(shares[k])} for k in best]}


def answer(shares):  #: set
    """All labels, with the probability from which each counts."""
    least = kept("threshold")  #: reference
    least = np.full(len(LABELS), 0.5)  #: alone
    return {"predictions": [{"label": LABELS[k], "probability": float(shares[k]), "threshold": float(least[k]),
                             "yes": bool(shares[k] >= least[k])} for k in np.argsort(-shares, kind="stable")]}


def answer(seen, place, path):  #: mask
    """Shares of the classes, and a picture of class numbers as large as the one that was given; 255: not seen."""
    (wide, high), across, down, left, top = place
    left, top = left - CUT_X, top - CUT_Y  #: cut
    x = np.floor((np.arange(wide) + 0.5) * across + left).astype(int)
    y = np.floor((np.arange(high) + 0.5) * down + top).astype(int)
    rows, columns = seen.shape
    mask = seen[y.clip(0, rows - 1)][:, x.clip(0, columns - 1)]
    mask[(y < 0) | (y >= rows)] = 255
    mask[:, (x < 0) | (x >= columns)] = 255
    Image.fromarray(mask).save(f"{path}.mask.png")
    counts = np.bincount(mask[mask != 255], minlength=len(LABELS))[:len(LABELS)]
    shares = [{"label": label, "share": float(n / max(1, counts.sum()))} for label, n in zip(LABELS, counts)]
    return {"mask": f"{path}.mask.png", "classes": sorted(shares, key=lambda row: -row["share"])}


def answer(rows, place):  #: boxes
    """In pixels of the picture, best first."""
    size, across, down, left, top = place
    left, top = left - CUT_X, top - CUT_Y  #: cut
    edges = (rows[:, 1:5] - [left, top] * 2) / ([across, down] * 2)
    edges = edges.clip(0, [*size, *size])
    return {"boxes": [{"label": LABELS[int(row[0])], "score": float(row[5]), "box": [round(float(e), 3) for e in edge]}
                      for row, edge in zip(rows, edges) if edge[2] > edge[0] and edge[3] > edge[1]]}


def answer(numbers):  #: values
    """By the name of each."""
    return {"values": [{"label": label, "value": float(value)} for label, value in zip(LABELS, numbers)]}


def answer(planes, path):  #: made
    """A picture beside the one that was given; of many channels the first three."""
    planes = np.rint(planes).clip(0, 255).astype(np.uint8)
    made = planes[0] if len(planes) < 3 else np.ascontiguousarray(planes[:3].transpose(1, 2, 0))
    Image.fromarray(made).save(f"{path}.answer.png")
    return {"picture": f"{path}.answer.png"}


def answer(place):  #: embedding reference
    """Where it lies, and what the nearest five training pictures are."""
    label, away = kept("label"), np.linalg.norm(kept("embedding").astype(np.float32) - place, axis=1)
    near = np.argsort(away, kind="stable")[:5]
    shares = np.bincount(label[near], minlength=len(LABELS)) / len(near)
    closest = [away[label == k].min(initial=np.inf) for k in range(len(LABELS))]
    best = np.lexsort((closest, -shares))[:5]
    return {"embedding": place.tolist(), "threshold": float(kept("threshold")[0]),
            "predictions": [{"label": LABELS[k], "probability": float(shares[k])} for k in best]}


def answer(place):  #: embedding alone
    """Where it lies."""
    return {"embedding": place.tolist()}


def answer(code, path):  #: code
    """The code, and the picture that is made of it again."""
    planes = np.rint((code[OUTPUTS:].reshape(SHAPE) + 1) * 127.5).clip(0, 255).astype(np.uint8)
    made = planes[0] if len(planes) < 3 else np.ascontiguousarray(planes[:3].transpose(1, 2, 0))
    Image.fromarray(made).save(f"{path}.answer.png")
    shares = code[100:OUTPUTS]  #: classes
    best = np.argsort(-shares, kind="stable")[:5]  #: classes
    return {"picture": f"{path}.answer.png", "z": code[:100].tolist(), "predictions": [  #: classes
        {"label": LABELS[k], "probability": float(shares[k])} for k in best]}  #: classes
    return {"picture": f"{path}.answer.png", "z": code[:100].tolist()}  #: unnamed


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("files", nargs="+", metavar="FILE")
    words.add_argument("--model", default="model.onnx", help="another one of this folder")
    asked = words.parse_args()
    session = onnxruntime.InferenceSession(HERE / asked.model)
    for path in asked.files:
        [found] = session.run(None, {"PORT": pixels(path)[None]})[0]  #: nowhere
        entry, place = pixels(path)  #: placed
        found = session.run(None, {"PORT": entry[None]})[0]  #: placed
        print(json.dumps({"image": path, **answer(found)}))  #: words
        print(json.dumps({"image": path, **answer(found, path)}))  #: drawn
        print(json.dumps({"image": path, **answer(found[0], place, path)}))  #: mask
        print(json.dumps({"image": path, **answer(found, place)}))  #: boxes
