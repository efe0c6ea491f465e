"""Image classification: pictures in, one of a set of classes out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core.data.video_options import FrameOptions
from digits_core.errors import Problem
from digits_core.networks import networks_for
from digits_core.options import option
from digits_core.safe.places import is_s3
from digits_core.tasks import Measure, Task
from digits_core.tasks.pictures import ClassedOptions, SizedOptions, path_problem
from digits_core.train.options import ClassifierOptions

Method = Literal["folder", "text", "s3", "archive", "lmdb"]


class DatasetOptions(FrameOptions, ClassedOptions, SizedOptions):
    """Everything a classification dataset can be told (names after DIGITS' form)."""

    method: Method = option(
        "folder", title="Where are the pictures?", group="Source",
        labels={"folder": "Class folders on the server, or a URL", "text": "Text files", "s3": "S3",
                "archive": "Upload (zip, tar)", "lmdb": "DIGITS or Caffe database (LMDB, HDF5)"})
    folder: str = option("", title="Training images", group="Source", kind="folder",
                         when={"method": ["folder", "s3"]},
                         help="A server folder with one folder per class, the http(s) address of one, or a place in "
                              "S3: s3://bucket/path.")
    val_folder: str = option("", title="Separate validation images", group="Source", kind="folder",
                             when={"method": ["folder", "s3"]}, advanced=True,
                             help="A second folder with the same class folders; replaces the percentage.")
    test_folder: str = option("", title="Separate test images", group="Source", kind="folder",
                              when={"method": ["folder", "s3"]}, advanced=True)
    train_list: str = option("", title="Training list", group="Source", kind="path", when={"method": ["text"]},
                             help="A text file: one picture a line, path (or URL), blank or tab, label number from 0.")
    val_list: str = option("", title="Validation list", group="Source", kind="path", when={"method": ["text"]},
                           help="Empty: split from the training list.")
    test_list: str = option("", title="Test list", group="Source", kind="path", when={"method": ["text"]})
    train_db: str = option("", title="Training database", group="Source", kind="path", when={"method": ["lmdb"]},
                           help="The folder of an LMDB with Datum records (data.mdb lies in it) or of HDF5 files "
                                "('data' and 'label', or 'images' and 'labels'), as DIGITS and Caffe make them, or "
                                "one .h5 file.")
    val_db: str = option("", title="Validation database", group="Source", kind="path", when={"method": ["lmdb"]},
                         help="Empty: split from the training database.")
    test_db: str = option("", title="Test database", group="Source", kind="path", when={"method": ["lmdb"]})
    labels_file: str = option("", title="Labels file", group="Source", kind="path", when={"method": ["text", "lmdb"]},
                              help="One class name a line; line 1 is label 0. Empty: the numbers are the names.")
    image_folder: str = option("", title="Image folder", group="Source", kind="folder", when={"method": ["text"]},
                               help="Relative paths in the lists start here; empty: beside the list.")
    archive: str = option("", title="Archive", group="Source", kind="path", when={"method": ["archive"]},
                          help="A zip or tar file of class folders.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Missing or forbidden paths, a split of more than 100 percent, a maximum below the minimum."""
        found = super().problems(roots)
        required = {"folder": "folder", "s3": "folder", "text": "train_list", "archive": "archive",
                    "lmdb": "train_db"}[self.method]
        folders = ("folder", "val_folder", "test_folder")
        used = {"folder": folders, "s3": folders, "archive": ("archive",),
                "lmdb": ("train_db", "val_db", "test_db", "labels_file"),
                "text": ("train_list", "val_list", "test_list", "labels_file", "image_folder")}[self.method]
        if not getattr(self, required).strip():
            found.append(Problem(required, "This field is required."))
        elif self.method == "s3" and not is_s3(self.folder):
            found.append(Problem("folder", "Write s3://bucket/path; the folders at that path are the classes."))
        return found + [p for name in used if (p := path_problem(name, getattr(self, name), roots))]


TASK = Task(
    name="classification", title="Image classification", dataset_options=DatasetOptions,
    model_options=ClassifierOptions, source="digits_core.data.sources:classification",
    learner="digits_core.train.learner:Classifier", streams=True,
    measures=(Measure("accuracy", "Accuracy"), Measure("top5", "Top-5 accuracy")),
    named="digits_core.infer.named:best", networks=networks_for("classification"), default_network="lenet")
