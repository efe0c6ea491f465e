"""Metric learning: pictures in, places in a space out, in which pictures of a class lie close together."""

from typing import Literal

from digits_core.networks import networks_for
from digits_core.options import option
from digits_core.tasks import Measure, Task
from digits_core.tasks.classification import DatasetOptions
from digits_core.train.options import TrainOptions


class ModelOptions(TrainOptions):
    """What a training of an embedding can be told."""

    dimensions: int = option(16, title="Dimensions", group="Goal", ge=2, le=1024,
                             help="Numbers that stand for a picture, of length 1 together; 2 can be drawn as they are, "
                                  "16 to 128 tell more classes apart.")
    pair_loss: Literal["contrastive", "ntxent"] = option(
        "contrastive", title="Loss", group="Goal",
        labels={"contrastive": "Contrastive (margin)", "ntxent": "NT-Xent (temperature)"},
        help="All pairs of a batch are compared. Contrastive pulls those of a class together and pushes others as far "
             "apart as the margin; NT-Xent makes those of a class more alike than all others. Many classes need large "
             "batches, so that they hold pairs.")
    margin: float = option(1.0, title="Margin", group="Goal", gt=0, le=2, when={"pair_loss": ["contrastive"]},
                           help="How far apart pictures of different classes shall be; the largest distance is 2.")
    temperature: float = option(0.1, title="Temperature", group="Goal", ge=0.01, le=10,
                                when={"pair_loss": ["ntxent"]}, help="Smaller: the hardest pairs count more.")

    def outputs(self, classes: int) -> int:
        """The dimensions, however many classes there are."""
        return self.dimensions


TASK = Task(
    name="similarity", title="Metric learning (Siamese)", dataset_options=DatasetOptions, model_options=ModelOptions,
    source="", datasets="classification", learner="digits_core.train.embedder:Embedder",
    answerer="digits_core.infer.neighbours:Neighbours", output="embedding", embeds=True,
    view="digits_core.views.neighbours",
    measures=(Measure("accuracy", "Nearest-neighbour accuracy"), Measure("pair_accuracy", "Pair accuracy"),
              Measure("separation", "Separation", False)),
    named="digits_core.infer.named:best", networks=networks_for("classification"), default_network="lenet")
