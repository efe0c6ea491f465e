"""Image generation: a network that makes pictures like those of a dataset, and finds what a picture is made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from digits_core.errors import Problem
from digits_core.networks import LATENT, NETWORKS, networks_for
from digits_core.networks.custom import CUSTOM
from digits_core.options import option
from digits_core.tasks import Measure, Task
from digits_core.tasks.classification import DatasetOptions
from digits_core.train.options import POLICY_NAMES, SOLVERS, Policy, Solver, TrainOptions

NAMES = networks_for("generation")
if TYPE_CHECKING:
    Network = str
else:
    Network = Literal[(*NAMES, CUSTOM)]


class ModelOptions(TrainOptions):
    """What a training of a generator can be told; the solver is as in the paper (Radford 2016, section 4).

    Its three networks learn from each other, so they learn whole and on one GPU.
    """

    LEFT_OUT: ClassVar[tuple[str, ...]] = ("trainable_stages", "backbone_rate", "gpu_count")

    network: Network = option("dcgan", title="Network", group="Network",
                              labels={**{name: NETWORKS[name].title for name in NAMES}, CUSTOM: "Custom"},
                              help="Makes pictures of 16 to 128 pixels a side, grey or in colour.")
    conditional: bool = option(True, title="Learn classes", group="Network",
                               help="The generator is told a class for each picture, so that one can be asked for; "
                                    "else it learns from pictures alone.")
    solver: Solver = option("adam", title="Solver", group="Solver", labels=SOLVERS)
    beta1: float = option(0.5, title="Momentum of Adam (beta 1)", group="Solver", ge=0, le=0.9999,
                          when={"solver": ["adam", "adamw"]}, help="0.5 as in the paper; more makes it swing.")
    learning_rate: float = option(0.0002, title="Base learning rate", group="Solver", gt=0, le=1000,
                                  help="Size of a step.")
    weight_decay: float = option(0.0, title="Weight decay", group="Solver", ge=0, le=10,
                                 help="Pull of the weights towards zero.", advanced=True)
    lr_policy: Policy = option("fixed", title="Learning-rate policy", group="Learning rate", labels=POLICY_NAMES)
    discriminator_rate: float = option(1.0, title="Learning-rate factor of the discriminator", group="Regularisation",
                                       ge=0, le=100, help="Less when it wins: its loss falls towards 0 and samples "
                                                          "become no better.")
    real_target: float = option(0.9, title="What the discriminator shall say about real pictures", gt=0.5, le=1,
                                group="Regularisation", help="Below 1 it never is too sure (one-sided label "
                                                             "smoothing); 1 as in the paper.")
    real_pictures: float = option(10.0, title="Weight of real pictures for the encoder", ge=0, le=1000,
                                  group="Regularisation",
                                  help="How much the encoder learns from what comes back of real pictures, beside the "
                                       "codes of made ones; 0: from these alone, as in DIGITS.")
    mean: Literal["range"] = option(
        "range", title="Subtract mean", group="Data", labels={"range": "No: scale to -1 to 1"},
        help="The generator gives pixels from -1 to 1, so real ones are brought there too.")

    def outputs(self, classes: int) -> int:
        """The length of a code: z, and a weight for each class."""
        return LATENT + (classes if self.conditional else 0)

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """What suits other networks only."""
        found = super().problems(roots)
        if len(self.gpu_list) > 1:
            found.append(Problem("gpu_list", "A generator learns on one GPU."))
        return found


TASK = Task(
    name="generation", title="Image generation (GAN)", dataset_options=DatasetOptions, model_options=ModelOptions,
    source="", datasets="classification", learner="digits_core.train.generator:GeneratorLearner",
    answerer="digits_core.infer.answers:Code", output="code", view="digits_core.views.generation", sides=(16, 128),
    trial="digits_core.networks.generator_trial:try_generator",
    maker="digits_core.infer.generate:make",
    measures=(Measure("likeness", "Likeness"), Measure("psnr", "PSNR of reconstructions (dB)", False)),
    networks=NAMES, default_network="dcgan")
