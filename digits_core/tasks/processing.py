"""Image processing: pictures in, pictures out: denoising, sharpening, super-resolution, autoencoders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core.data.video_options import FrameOptions
from digits_core.errors import Problem
from digits_core.networks import networks_for
from digits_core.options import option
from digits_core.tasks import Measure, Task
from digits_core.tasks.pictures import DatabaseOptions, SizedOptions, path_problem
from digits_core.train.options import TrainOptions


class DatasetOptions(DatabaseOptions, FrameOptions, SizedOptions):
    """Where the pictures are, and what shall be made of them."""

    folder: str = option("", title="Pictures", group="Source", kind="folder",
                         when={"method": ["folder", "same", "sharpen"]},
                         help="A server folder with pictures, also in folders inside.")
    method: Literal["folder", "same", "sharpen", "lmdb"] = option(
        "folder", title="What shall come out", group="Source",
        labels={"folder": "The partner in another folder", "same": "The picture itself (autoencoder, denoising)",
                "sharpen": "The picture itself, from a blurred one (super-resolution)",
                "lmdb": "Both from databases (LMDB, HDF5)"},
        help="For denoising add noise in the model's augmentation: it is added to what goes in, not to what comes out.")
    wanted_folder: str = option("", title="Wanted pictures", group="Source", kind="folder", when={"method": ["folder"]},
                                help="A partner for every picture: same relative path, the ending may differ.")
    val_folder: str = option("", title="Validation pictures", group="Source", kind="folder", advanced=True,
                             when={"method": ["folder", "same", "sharpen"]},
                             help="Separate validation pictures; replaces the percentage.")
    val_wanted_folder: str = option("", title="Wanted validation pictures", group="Source", kind="folder",
                                    when={"method": ["folder"]}, advanced=True)
    factor: int = option(2, title="Resolution factor", group="Source", ge=2, le=16, when={"method": ["sharpen"]},
                         help="What goes in is made so many times smaller, and enlarged to its old size again.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Missing or forbidden folders, a split of more than 100 percent."""
        if self.method == "lmdb":
            return super().problems(roots) + self.database_problems(roots)
        names = ["folder", *(["wanted_folder"] if self.method == "folder" else [])]
        found = [Problem(name, "This field is required.") for name in names if not getattr(self, name).strip()]
        if self.method == "folder" and bool(self.val_folder.strip()) != bool(self.val_wanted_folder.strip()):
            found.append(Problem("val_wanted_folder", "Separate validation pictures need both folders."))
        names += ["val_folder", "val_wanted_folder"]
        return super().problems(roots) + found + [
            problem for name in names if (problem := path_problem(name, getattr(self, name), roots, "folder"))]


class ModelOptions(TrainOptions):
    """What a training that makes pictures can be told."""

    pixel_loss: Literal["mse", "l1"] = option(
        "mse", title="Loss", group="Regularisation", labels={"mse": "Squared error", "l1": "Absolute error"},
        help="The squared error gives the best PSNR, the absolute one sharper edges.")


TASK = Task(
    name="processing", title="Image processing", dataset_options=DatasetOptions, model_options=ModelOptions,
    source="digits_core.data.couples:processing", example="digits_core.data.couples:example", target="pixels",
    moves="digits_core.train.moves:Planes", learner="digits_core.train.regressor:Processor", dense=True,
    answerer="digits_core.infer.answers:Image", output="picture", counted="Pictures",
    drawing="digits_core.views.processing:drawn",
    view="digits_core.views.processing", networks=networks_for("processing"), default_network="unet_narrow",
    judge="digits_core.evaluate.tested:Pictures", held="digits_core.modelstore.right:Pictures",
    measures=(Measure("psnr", "PSNR (dB)", False), Measure("ssim", "SSIM"), Measure("mae", "Mean error", False)))
