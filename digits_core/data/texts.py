"""Texts as networks see them: numbers of characters. A record is a row of them, uint8 (1, 1, length); 0 is a blank."""

from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digits_core.errors import BadData

Json = dict[str, Any]
TEXT = "text"
"""The image type (option ``channels``) of such datasets."""
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{}"
"""After Zhang, Zhao and LeCun, https://arxiv.org/abs/1509.01626, as in DIGITS; its double hyphen once."""
COLUMNS, LINES = 20, 7
"""Characters across and lines down of a text that is drawn as a picture."""
LARGEST = 10_000_000


@dataclass(frozen=True)
class Text:
    """A text, read by an alphabet; ``size`` is (characters, 1), as if it were a picture."""

    numbers: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return len(self.numbers), 1


def opened(data: bytes, alphabet: str, length: int) -> Text:
    """A text from the bytes of a file. Raises BadData when it is empty, too large or no UTF-8."""
    if len(data) > LARGEST:
        raise BadData(f"is larger than {LARGEST // 10**6} MB, which no text to classify is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadData(f"is not a text in UTF-8 (byte {error.start + 1})") from None
    if not text.strip():
        raise BadData("is an empty text")
    return Text(numbered(text, alphabet, length))


def numbered(text: str, alphabet: str, length: int) -> NDArray[np.uint8]:
    """Numbers (length,) of the text's characters: from 1 in the order of the alphabet, 0 for all others and no more."""
    places = {character: number for number, character in enumerate(alphabet, 1)}
    found = np.zeros(length, np.uint8)
    small = text.lower()[:length]
    found[:len(small)] = [places.get(character, 0) for character in small]
    return found


def written(numbers: NDArray[Any], alphabet: str) -> str:
    """What the network can read of a text."""
    return "".join(alphabet[number - 1] if number else " " for number in numbers.ravel().tolist()).rstrip()


def drawn(pixels: NDArray[np.uint8], target: object, facts: Json) -> NDArray[np.uint8]:
    """The beginning of a text as a picture uint8 (1, H, W), black on white; ``facts`` is its dataset's manifest."""
    return picture(written(pixels, facts["details"]["alphabet"]))


def picture(text: str) -> NDArray[np.uint8]:
    """See ``drawn``."""
    lines = wrap(" ".join(text.split()), COLUMNS, max_lines=LINES, placeholder=" ...")
    font = ImageFont.load_default(18)
    page = Image.new("L", (10 * COLUMNS, 23 * LINES + 16), 255)
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((8, 8 + 23 * number), line, fill=20, font=font)
    return np.asarray(page)[None]
