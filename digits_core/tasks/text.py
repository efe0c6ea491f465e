"""Text classification: texts in, one of a set of classes out, character by character."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from digits_core.data.texts import ALPHABET
from digits_core.errors import Problem
from digits_core.networks import networks_for
from digits_core.networks.custom import CUSTOM
from digits_core.options import option
from digits_core.tasks import Measure, Task
from digits_core.tasks.pictures import ClassedOptions, PictureOptions, path_problem
from digits_core.train.augment_options import AugmentOptions
from digits_core.train.fit_options import ClassOptions
from digits_core.train.options import TrainOptions

Network = Literal["charcnn", "charcnn_small", "custom"]


class DatasetOptions(ClassedOptions, PictureOptions):
    """Where texts and their classes are, and which characters count (names after DIGITS' plug-in)."""

    LEFT_OUT: ClassVar[tuple[str, ...]] = ("channels", "resize_mode", "encoding", "jpeg_quality", "keep_together")

    table: str = option("", title="Training table", group="Source", kind="path",
                        help="A CSV file with a text and its class on each line.")
    val_table: str = option("", title="Validation table", group="Source", kind="path",
                            help="Empty: split from the training table.")
    test_table: str = option("", title="Test table", group="Source", kind="path", advanced=True)
    first_line: Literal["auto", "names", "data"] = option(
        "auto", title="First line", group="Source", advanced=True,
        labels={"auto": "By itself", "names": "Names of the columns", "data": "A text like the others"},
        help="By itself: it names the columns when its class is found nowhere else.")
    label_column: int = option(1, title="Column with the class", group="Source", ge=1, le=1000, advanced=True,
                               help="Counted from 1; all other columns are the text, with a blank between.")
    labels_file: str = option("", title="Class labels file", group="Source", kind="path",
                              help="One class name a line, for classes that the table numbers from 1. Empty: the "
                                   "table's own words or numbers.")
    alphabet: str = option(ALPHABET, title="Alphabet", group="Pictures", advanced=True,
                           help="The characters that count, at most 255; texts are written small first. All others are "
                                "blanks to the network.")
    length: int = option(1024, title="Characters per text", group="Pictures", ge=8, le=10_000,
                         help="Longer texts are cut, shorter ones filled up.")
    channels: Literal["text"] = option("text", title="Image type")  # type: ignore[assignment]

    @property
    def width(self) -> int:
        """Of a record: its characters."""
        return self.length

    @property
    def height(self) -> int:
        """Of a record."""
        return 1

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Missing or forbidden paths, an alphabet of doubles, a split of more than 100 percent."""
        found = super().problems(roots)
        if not self.table.strip():
            found.append(Problem("table", "This field is required."))
        if not 0 < len(self.alphabet) <= 255 or len(set(self.alphabet)) < len(self.alphabet):
            found.append(Problem("alphabet", "1 to 255 different characters are needed."))
        names = ("table", "val_table", "test_table", "labels_file")
        return found + [problem for name in names
                        if (problem := path_problem(name, getattr(self, name), roots, "file"))]


class ModelOptions(ClassOptions, TrainOptions):
    """What a training of a text classifier can be told: nothing about pictures."""

    LEFT_OUT: ClassVar[tuple[str, ...]] = ("mean", "crop", *AugmentOptions.model_fields)

    network: Network = option("charcnn_small", title="Network", group="Network",
                              labels={"charcnn": "Character CNN", "charcnn_small": "Character CNN, small",
                                      CUSTOM: "Custom"})
    mean: Literal["none", "image", "pixel"] = option("none", title="Subtract mean")


TASK = Task(
    name="text", title="Text classification", dataset_options=DatasetOptions, model_options=ModelOptions,
    source="digits_core.data.textfiles:text", example="digits_core.data.textfiles:example",
    learner="digits_core.train.learner:Classifier", counted="Texts", drawing="digits_core.data.texts:drawn",
    named="digits_core.infer.named:best", networks=networks_for("text"), default_network="charcnn_small",
    pictures=False,
    measures=(Measure("accuracy", "Accuracy"), Measure("top5", "Top-5 accuracy")))
