"""A picture beside what its generator gives back of it, and the code in between."""

from typing import Any

from PIL import Image

from digits_core.views import Bars, Panel, Picture, Table
from digits_core.views.processing import ViewOptions, decoded, to_png

__all__ = ["TITLE", "ViewOptions", "panels"]
TITLE = "Reconstruction"
Json = dict[str, Any]


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The picture at the left and what the generator makes of its code at the right; its classes, and z."""
    made = decoded(answer["picture"]).convert("RGB")
    times = max(1, options.size // min(made.size))
    made = made.resize((made.width * times, made.height * times), Image.Resampling.NEAREST)
    both = Image.new("RGB", (2 * made.width + 8, made.height), "white")
    both.paste(image.convert("RGB").resize(made.size, Image.Resampling.NEAREST), (0, 0))
    both.paste(made, (made.width + 8, 0))
    kinds = [(row["label"], row["probability"]) for row in answer["predictions"]]
    return [Picture(to_png(both), "What went in, and what comes back of it"), *([Bars(kinds)] if kinds else []),
            Table(("z", "Value"), [(number + 1, round(value, 4)) for number, value in enumerate(answer["z"])])]
