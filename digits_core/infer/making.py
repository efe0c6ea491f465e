"""What a generator can be asked to make; described once. No torch here."""

from collections.abc import Sequence
from typing import Literal

from digits_core.errors import Problem
from digits_core.networks import LATENT
from digits_core.options import Options, option

MOST = 32
"""Rows of a sheet, or classes side by side, at most."""


class MakeOptions(Options):
    """Which pictures, from which random numbers. The same options give the same pictures."""

    method: Literal["grid", "classes", "path", "encode", "analogy"] = option(
        "grid", title="What to make", labels={
            "grid": "A grid of pictures", "classes": "Class sweep: the same z in every class",
            "path": "Interpolation, style sweep: from one z to another",
            "encode": "Encode pictures and give them back", "analogy": "Analogy: one class minus another, added"},
        help="z are the random numbers that a picture is made from. Pictures that are given are encoded: their z takes "
             "the place of random numbers.")
    seed: int = option(0, title="Seed", ge=0, le=2**31 - 1, when={"method": ["grid", "classes", "path"]},
                       help="Of the random numbers.")
    to_seed: int = option(1, title="To seed", ge=0, le=2**31 - 1, when={"method": ["path"]})
    rows: int = option(10, title="Rows", ge=1, le=MOST, when={"method": ["grid", "classes"]})
    columns: int = option(10, title="Columns", ge=1, le=MOST, when={"method": ["grid"]})
    steps: int = option(10, title="Transitions", ge=2, le=100, when={"method": ["path", "analogy"]},
                        help="Pictures from the one to the other.")
    weights: list[float] = option([], title="Weights of the classes", when={"method": ["grid", "path"]},
                                  help="In the order of the labels, as 0,0,1; several above 0 are mixed. Empty: a row "
                                       "for each class.")
    plus: str = option("", title="Class that is added", when={"method": ["analogy"]},
                       help="The mean code of training pictures of this class ...")
    minus: str = option("", title="Class that is taken away", when={"method": ["analogy"]},
                        help="... minus that of this one is what tells them apart.")
    strength: float = option(1.0, title="Strength", ge=-5, le=5, when={"method": ["analogy"]})
    count: int = option(100, title="Pictures of each class", ge=1, le=1000, when={"method": ["analogy"]},
                        help="So many training pictures are encoded for the mean.")

    def fitting(self, labels: Sequence[str], outputs: int, pictures: int) -> list[Problem]:
        """What is wrong for a model with these labels and codes of this length, and so many given pictures."""
        kinds, found = outputs - LATENT, []
        if self.method == "classes" and not kinds:
            found.append(Problem("method", "This model was trained without classes."))
        if self.weights and len(self.weights) != kinds:
            found.append(Problem("weights", f"The model knows {kinds} classes; {len(self.weights)} weights are given."))
        if self.weights and (min(self.weights) < 0 or max(self.weights) <= 0):
            found.append(Problem("weights", "No weight may be negative, and one must be above 0."))
        if self.method == "path" and pictures == 1:
            found.append(Problem("images", "A path needs two pictures or more, or none."))
        if self.method in ("encode", "analogy") and not pictures:
            found.append(Problem("images", "Give a picture, or several."))
        if self.method == "analogy":
            found += [Problem(name, f"Choose one of {', '.join(labels[:20])}.") for name in ("plus", "minus")
                      if getattr(self, name) not in labels]
        return found

    def examples(self) -> list[str]:
        """The labels of whose training pictures ``count`` are needed."""
        return [self.plus, self.minus] if self.method == "analogy" else []
