"""Label images of a segmentation: from a file's values or colours to one class number for each pixel.

A mask is uint8 (H, W): class numbers from 0, and 255 where nothing is to be learned or measured. What a file's values
mean is told by a ``Rule``, the same for all label images of a dataset (digits_core.data.mask_rules finds it):

========  ==================================================================================================
index     a pixel's value (grey, of 1 to 16 bits) or its number in the palette is its class; 255 is ignored
binary    grey 0 is class 0, grey 255 (or 1) is class 1; nothing is ignored
colours   a pixel's colour (of RGB, RGBA, palette or grey) is looked up in a list of colours; alpha is not looked at
========  ==================================================================================================
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.errors import BadData
from digits_core.safe.images import MAX_BYTES, safe_values
from digits_core.safe.paths import printable, read_regular

Json = dict[str, Any]
Mask = NDArray[np.uint8]
Colour = tuple[int, int, int]
Kind = Literal["index", "binary", "colours"]

IGNORED = 255
MOST_CLASSES = 255
SHOWN = 5
_GREY_STEPS = {2: 85, 4: 17}
"""Pillow spreads the values of grey PNG files of 2 and 4 bits over 0..255; by these steps they are found again."""


@dataclass(frozen=True)
class Rule:
    """What the values of label images mean.

    ``classes`` is how many there are, 0 while nobody knows (any value but 255 is then a class). ``colours`` belong to
    the classes in order: "colours" looks them up, a legend shows them. Pixels of the colours in ``ignored`` become
    255. ``palette`` is what the palettes of all label images must agree with (empty: not looked at).
    """

    kind: Kind
    classes: int = 0
    colours: list[Colour] = field(default_factory=list)
    ignored: list[Colour] = field(default_factory=list)
    palette: list[Colour] = field(default_factory=list)

    def to_json(self) -> Json:
        """For a decoding process, and for the dataset's manifest."""
        return asdict(self)

    @staticmethod
    def from_json(values: Json) -> "Rule":
        """The rule that ``to_json`` described."""
        lists = ([(int(r), int(g), int(b)) for r, g, b in values[key]] for key in ("colours", "ignored", "palette"))
        return Rule(values["kind"], int(values["classes"]), *lists)


@dataclass(frozen=True)
class LabelImage:
    """A label image as its file has it: ``values`` (H, W) numbers or (H, W, 3) colours, ``palette`` (N, 3) or none.

    ``white`` is the largest value that its grey can have: 255, or 3 or 15 in PNG files of 2 or 4 bits.
    """

    name: str
    values: NDArray[np.integer[Any]]
    palette: NDArray[np.uint8] | None = None
    white: int = 255

    @property
    def coloured(self) -> bool:
        """Whether its pixels are colours, not numbers."""
        return self.values.ndim == 3

    def colours(self) -> NDArray[np.uint32]:
        """The colour of every pixel (H, W), as 65536 red + 256 green + blue."""
        if self.coloured:
            return packed(self.values)
        if self.palette is None:  # more than 8 bits: a number that is no colour
            grey = np.where((self.values < 0) | (self.values > 255), 256, self.values)
            return np.asarray(grey.astype(np.uint32) * np.uint32(0x010101), np.uint32)
        found: NDArray[np.uint32] = packed(whole(self.palette))[self.values]
        return found


def packed(colours: NDArray[Any]) -> NDArray[np.uint32]:
    """Colours (..., 3) as one number each."""
    found: NDArray[np.uint32] = np.dot(colours.astype(np.uint32), np.array([65536, 256, 1], np.uint32))
    return found


def whole(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A palette of 256 colours: black where the file has fewer."""
    return np.concatenate([palette, np.zeros((256 - len(palette), 3), np.uint8)])


def read(source: bytes | Path, name: str, rule: Rule) -> Mask:
    """The mask (H, W) of a label image's file.

    ``name`` is what messages call it. Raises BadData when it cannot be decoded, and when it holds values that are no
    class, with those values and how many pixels have them.
    """
    return classes_of(open_label(source, name), rule)


def open_label(source: bytes | Path, name: str) -> LabelImage:
    """Decode a label image without changing a value. Raises BadData with the name and the reason."""
    shown = printable(name)
    try:
        data = source if isinstance(source, bytes) else read_regular(str(source), limit=MAX_BYTES)
        image = safe_values(data, name).image
    except BadData as error:
        raise BadData(f"The label image {shown} {error}.") from None
    palette = None
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    step = _grey_step(data)
    return LabelImage(shown, _values(image, step, shown), palette, 255 // step)


def _values(image: Image.Image, step: int, shown: str) -> NDArray[np.integer[Any]]:
    if image.mode in ("RGB", "RGBA"):
        return np.asarray(image)[..., :3]
    if image.mode in ("LA", "PA"):
        return np.asarray(image)[..., 0]
    if image.mode not in ("1", "L", "P", "I") and not image.mode.startswith("I;16"):
        raise BadData(f"The label image {shown} has pixels of the kind {image.mode}. Save it as PNG with a palette, "
                      "in grey or in RGB.")
    values = np.asarray(image)
    return values.astype(np.uint8) if values.dtype == bool else values // step if step > 1 else values


def _grey_step(data: bytes) -> int:
    is_grey_png = data.startswith(b"\x89PNG") and len(data) > 25 and data[25] == 0
    return _GREY_STEPS.get(data[24], 1) if is_grey_png else 1


def classes_of(label: LabelImage, rule: Rule) -> Mask:
    """The mask (H, W) of a decoded label image. Raises BadData as ``read`` does."""
    if rule.kind == "colours":
        return _by_colour(label, rule)
    if label.coloured:
        raise BadData(f"The label image {label.name} is a colour picture, but class numbers are expected. Name a "
                      "colour map file that tells which colour is which class.")
    if rule.kind == "binary":
        _refuse(label, ~np.isin(label.values, (0, 1, label.white)), "black (0) and white (255)")
        return np.asarray(label.values != 0, np.uint8)
    most = rule.classes or MOST_CLASSES
    _refuse(label, ((label.values < 0) | (label.values >= most)) & (label.values != IGNORED),
            f"0 to {most - 1}, and 255 for what is ignored")
    mask = label.values.astype(np.uint8)
    _same_palette(label, mask, rule)
    return mask


def _by_colour(label: LabelImage, rule: Rule) -> Mask:
    known = packed(np.array([*rule.colours, *rule.ignored], np.uint8).reshape(-1, 3))
    numbers = np.r_[np.arange(len(rule.colours)), np.full(len(rule.ignored), IGNORED)].astype(np.uint8)
    order = np.argsort(known)
    found = label.colours()
    place = np.minimum(np.searchsorted(known[order], found), len(known) - 1)
    _refuse(label, known[order][place] != found, f"the {len(known)} colours of the colour map",
            found if label.coloured or label.palette is not None else None)
    mask: Mask = numbers[order][place]
    return mask


def _same_palette(label: LabelImage, mask: Mask, rule: Rule) -> None:
    """Other colours for the same numbers mean that the numbers tell different classes."""
    if label.palette is None or not rule.palette:
        return
    shared = min(len(label.palette), len(rule.palette))
    own, usual = label.palette[:shared], np.array(rule.palette[:shared], np.uint8)
    for number in np.flatnonzero((own != usual).any(1) & (np.bincount(mask.ravel(), minlength=256)[:shared] > 0)):
        raise BadData(f"The label image {label.name} has another palette than the first one: class {number} is "
                      f"{_words(own[number])} here and {_words(usual[number])} there. Use one palette for all label "
                      "images, or name a colour map file.")


def _refuse(label: LabelImage, wrong: NDArray[np.bool_], allowed: str,
            values: NDArray[np.integer[Any]] | None = None) -> None:
    if not wrong.any():
        return
    found, counts = np.unique((label.values if values is None else values)[wrong], return_counts=True)
    most = np.argsort(-counts, kind="stable")[:SHOWN]
    words = [_words(number if values is None else [number >> 16, number >> 8 & 255, number & 255])
             + f" in {count} pixel{'s' if count > 1 else ''}"
             for number, count in zip(found[most].tolist(), counts[most].tolist(), strict=True)]
    more = f" and {len(found) - SHOWN} more values" if len(found) > SHOWN else ""
    raise BadData(f"The label image {label.name} holds {'colours' if values is not None else 'values'} that are no "
                  f"class: {', '.join(words)}{more}. Known are {allowed}."
                  + (" A lossy format (JPEG) changes values: use PNG." if len(found) > SHOWN else ""))


def _words(value: Any) -> str:
    return " ".join(str(int(part)) for part in value) if np.ndim(value) else str(int(value))


def fit(mask: Mask, width: int, height: int, placement: tuple[float, float, float, float]) -> Mask:
    """The mask (height, width) of a stored picture: the nearest pixel's class, 255 where the picture was padded.

    ``placement`` is the picture's (scale_x, scale_y, left, top): source pixel (x, y) lands at (x * scale_x + left,
    y * scale_y + top), so both show the same thing at the same place.
    """
    scale_x, scale_y, left, top = placement
    x = np.floor((np.arange(width) + 0.5 - left) / scale_x).astype(np.int64)
    y = np.floor((np.arange(height) + 0.5 - top) / scale_y).astype(np.int64)
    fitted: Mask = mask[np.clip(y, 0, mask.shape[0] - 1)][:, np.clip(x, 0, mask.shape[1] - 1)]
    fitted[(y < 0) | (y >= mask.shape[0])] = IGNORED
    fitted[:, (x < 0) | (x >= mask.shape[1])] = IGNORED
    return fitted
