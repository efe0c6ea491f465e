"""Multi-label classification: pictures in, any number of a set of labels out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core.errors import Problem
from digits_core.networks import networks_for
from digits_core.options import option
from digits_core.tasks import Measure, Task
from digits_core.tasks.pictures import SizedOptions, path_problem
from digits_core.train.options import TrainOptions


class DatasetOptions(SizedOptions):
    """Where pictures and their labels are."""

    method: Literal["table", "list"] = option(
        "table", title="Where are the pictures?", group="Source",
        labels={"table": "A table (CSV) with paths and labels", "list": "A text list of paths and labels"})
    table: str = option("", title="Training table", group="Source", kind="path", when={"method": ["table"]},
                        help="A CSV file whose first line names its columns. One holds paths or addresses of pictures; "
                             "beside it either one column of labels, with ; or | between them, or one column for each "
                             "label, with 1 or 0.")
    val_table: str = option("", title="Validation table", group="Source", kind="path", when={"method": ["table"]},
                            advanced=True, help="Empty: split from the training table.")
    test_table: str = option("", title="Test table", group="Source", kind="path", when={"method": ["table"]},
                             advanced=True)
    path_column: str = option("", title="Column with paths", group="Source", when={"method": ["table"]}, advanced=True,
                              help="Empty: the first.")
    label_columns: list[str] = option([], title="Columns with labels", group="Source", when={"method": ["table"]},
                                      advanced=True, help="Empty: all others. A single one holds names.")
    train_list: str = option("", title="Training list", group="Source", kind="path", when={"method": ["list"]},
                             help="A text file: one picture a line, path (or address), tab or blank, labels with ; or "
                                  "| between them. No label is allowed too.")
    val_list: str = option("", title="Validation list", group="Source", kind="path", when={"method": ["list"]},
                           advanced=True, help="Empty: split from the training list.")
    test_list: str = option("", title="Test list", group="Source", kind="path", when={"method": ["list"]},
                            advanced=True)
    image_folder: str = option("", title="Image folder", group="Source", kind="folder",
                               help="Relative paths start here; empty: beside the table or list.")

    def files(self) -> dict[str, str]:
        """The table or list of each split that has one, "train" first."""
        names = {"train": "train_list" if self.method == "list" else "table",
                 **{split: f"{split}_{self.method}" for split in ("val", "test")}}
        return {split: text for split, name in names.items() if (text := getattr(self, name).strip()) or
                split == "train"}

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Missing or forbidden paths, a split of more than 100 percent."""
        first, *others = (("table", "val_table", "test_table") if self.method == "table" else
                          ("train_list", "val_list", "test_list"))
        found = super().problems(roots)
        if not getattr(self, first).strip():
            found.append(Problem(first, "This field is required."))
        return found + [problem for name in (first, *others, "image_folder")
                        if (problem := path_problem(name, getattr(self, name), roots))]


class ModelOptions(TrainOptions):
    """What a training of a multi-label classifier can be told."""

    positive_weights: Literal["none", "sqrt", "inverse"] = option(
        "none", title="Positive weights", group="Goal",
        labels={"none": "None", "sqrt": "Square root", "inverse": "Inverse"},
        help="Pictures with a label count more where the label is rare: by the ratio of pictures without to those "
             "with it, or its square root.")


TASK = Task(
    name="multilabel", title="Multi-label classification", dataset_options=DatasetOptions, model_options=ModelOptions,
    source="digits_core.data.labelsets:multilabel", example="digits_core.data.labelsets:example", target="float32",
    streams=True,
    learner="digits_core.train.multilabeller:MultiLabeller", answerer="digits_core.infer.answers:LabelSet",
    caption="digits_core.views.multilabel:told", view="digits_core.views.multilabel",
    judge="digits_core.evaluate.tested:LabelSets",
    measures=(Measure("map", "Mean average precision"), Measure("macro_f1", "F1, mean of labels"),
              Measure("micro_f1", "F1, all together"), Measure("exact", "All labels right")),
    named="digits_core.infer.named:all_that_count", networks=networks_for("classification"), default_network="lenet")
