"""Regression: pictures in, numbers out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core.errors import Problem
from digits_core.networks import networks_for
from digits_core.options import option
from digits_core.tasks import Measure, Task
from digits_core.tasks.pictures import DatabaseOptions, SizedOptions, path_problem
from digits_core.train.options import TrainOptions


class DatasetOptions(DatabaseOptions, SizedOptions):
    """Where pictures and their numbers are."""

    method: Literal["table", "lmdb", "gradients"] = option(
        "table", title="Where are the pictures?", group="Source",
        labels={"table": "A table (CSV) with paths and numbers",
                "lmdb": "Databases (LMDB, HDF5) of features and labels", "gradients": "Made up: brightness gradients"})
    table: str = option("", title="Training table", group="Source", kind="path", when={"method": ["table"]},
                        help="A CSV file. Its first line names the columns: one holds paths or addresses of pictures, "
                             "the others numbers.")
    val_table: str = option("", title="Validation table", group="Source", kind="path", when={"method": ["table"]},
                            advanced=True, help="Empty: split from the training table.")
    test_table: str = option("", title="Test table", group="Source", kind="path", when={"method": ["table"]},
                             advanced=True)
    image_folder: str = option("", title="Image folder", group="Source", kind="folder", when={"method": ["table"]},
                               help="Relative paths in the table start here; empty: beside the table.")
    path_column: str = option("", title="Column with paths", group="Source", when={"method": ["table"]}, advanced=True,
                              help="Empty: the first.")
    number_columns: list[str] = option([], title="Columns with numbers", group="Source", when={"method": ["table"]},
                                       advanced=True, help="Empty: all others.")
    count: int = option(1000, title="Pictures to make", group="Source", ge=10, le=1_000_000,
                        when={"method": ["gradients"]},
                        help="Their brightness rises by a random slope along x and along y, each from -0.5 to 0.5: "
                             "the two numbers to learn.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Missing or forbidden paths, a split of more than 100 percent."""
        found = super().problems(roots)
        if self.method == "lmdb":
            return found + self.database_problems(roots)
        if self.method != "table":
            made = [Problem("channels", "Made-up pictures are grey or colour.")]
            return found + made if self.channels == "all" else found
        if not self.table.strip():
            found.append(Problem("table", "This field is required."))
        names = ("table", "val_table", "test_table", "image_folder")
        return found + [problem for name in names if (problem := path_problem(name, getattr(self, name), roots))]


TASK = Task(
    name="regression", title="Regression", dataset_options=DatasetOptions, model_options=TrainOptions,
    source="digits_core.data.columns:regression", example="digits_core.data.columns:example", target="float32",
    learner="digits_core.train.regressor:Regressor", answerer="digits_core.infer.answers:Numbers", output="values",
    streams=True,
    drawing="digits_core.views.numbers:drawn", view="digits_core.views.numbers",
    judge="digits_core.evaluate.tested:Numbers", held="digits_core.modelstore.right:Numbers",
    measures=(Measure("r2", "R²", False), Measure("mae", "Mean error", False), Measure("rmse", "RMSE", False)),
    networks=networks_for("regression"), default_network="lenet")
