"""Every option of a training, described once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from digits_core.errors import BadData, Problem
from digits_core.networks import DESCRIBED, NETWORKS, graph
from digits_core.networks.custom import CUSTOM, check_source, parse_values
from digits_core.options import JobOptions, option
from digits_core.train.augment_options import AugmentOptions, MixOptions
from digits_core.train.fit_options import ClassOptions, FitOptions

if TYPE_CHECKING:
    Network = str
else:
    Network = Literal[(*NETWORKS, *DESCRIBED)]
Policy = Literal["fixed", "step", "multistep", "exp", "inv", "poly", "sigmoid", "cosine", "onecycle"]
Solver = Literal["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad", "adadelta"]

SOLVERS = {"sgd": "SGD", "momentum": "SGD with momentum", "nesterov": "Nesterov (NAG)", "adam": "Adam",
           "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "AdaGrad", "adadelta": "AdaDelta"}
POLICY_NAMES = {"fixed": "Fixed", "step": "Step down", "multistep": "Step down, arbitrary steps",
                "exp": "Exponential decay", "inv": "Inverse decay", "poly": "Polynomial decay",
                "sigmoid": "Sigmoid decay", "cosine": "Cosine", "onecycle": "One cycle"}
GAMMA_DEFAULTS = {"step": 0.1, "multistep": 0.5, "exp": 0.95, "inv": 0.1, "sigmoid": 0.1}
POWER_DEFAULTS = {"inv": 0.5, "poly": 3.0}


class BasicOptions(JobOptions):
    """Network, solver, data and hardware: what every training is told."""

    task: str = option("", title="Task", group="Network", advanced=True, single=True,
                       help="What is learned, where datasets serve several tasks; empty: the dataset's own.")
    network: Network = option("lenet", title="Network", group="Network",
                              labels={**{spec.name: spec.title for spec in NETWORKS.values()}, **DESCRIBED},
                              help="Any input size and channel count works; small pictures are enlarged inside.")
    network_source: str = option("", title="Source of a custom network", group="Network", kind="code",
                                 when={"network": [CUSTOM]},
                                 help="Python that defines build_network(params), which returns an nn.Module. It "
                                      "runs in the training's own process.")
    network_file: str = option("", title="File with a custom network", group="Network", kind="path",
                               when={"network": [CUSTOM]},
                               help="A Python file on the server; its text is read when the training is made.")
    network_values: str = option("", title="Values for a custom network", group="Network", when={"network": [CUSTOM]},
                                 help="name=value, separated by commas; the source finds them in params.options.")
    start_model: str = option("", title="Start from model", group="Network", kind="job",
                              help="Id of a trained or imported model whose weights are the start, or torchvision "
                                   "(torchvision:TAG) for published ones; empty: from scratch.")
    start_checkpoint: str = option("best", title="Start from checkpoint", group="Network",
                                   advanced=True,
                                   help="best, last, or an epoch such as 12 or 0.5.")
    epochs: int = option(30, title="Training epochs", group="Solver", ge=1, le=100_000,
                         help="How often the network sees every training picture.")
    snapshot_interval: float = option(1.0, title="Snapshot interval (epochs)", group="Solver", ge=0,
                                      help="A checkpoint every so many epochs; 0.5 is twice an epoch, 0 only at the "
                                           "end. Best and last are always kept.")
    val_interval: float = option(1.0, title="Validation interval (epochs)", group="Solver", ge=0,
                                 help="Measure on the validation pictures every so many epochs; 0: never.")
    seed: int | None = option(None, title="Random seed", group="Solver", ge=0, le=2**31 - 1,
                              help="The same seed gives the same run; empty: a new one, which is then recorded.")
    batch_size: int | None = option(None, title="Batch size", group="Solver", ge=1, le=100_000,
                                    when={"auto_batch": [False]},
                                    help="Pictures per step; empty: what suits the network.")
    auto_batch: bool = option(False, title="Find the batch size", group="Solver", single=True,
                              help="By some steps before training: on a GPU the largest power of two that fits, on the "
                                   "CPU the smallest that is nearly as fast as any; 20 steps an epoch at least. The "
                                   "learning rate stays as it is; a much larger batch often bears a larger one.")
    accumulation: int = option(1, title="Batch accumulation", group="Solver", ge=1, le=10_000,
                               help="Sum the gradients of this many batches before a step: a large batch in little "
                                    "memory.")
    solver: Solver = option("momentum", title="Solver", group="Solver", labels=SOLVERS,
                            help="How the weights are moved. SGD with momentum 0.9 is what DIGITS called SGD; "
                                 "plain SGD has none.")
    learning_rate: float = option(0.01, title="Base learning rate", group="Solver", gt=0, le=1000,
                                  help="Size of a step. Lower it when the loss becomes NaN.")
    momentum: float = option(0.9, title="Momentum", group="Solver", ge=0, le=0.9999,
                             when={"solver": ["momentum", "nesterov"]})
    weight_decay: float = option(0.0001, title="Weight decay", group="Solver", ge=0, le=10,
                                 help="Pull of the weights towards zero.", advanced=True)
    rms_decay: float = option(0.99, title="RMS decay", group="Solver", ge=0, le=0.99999,
                              when={"solver": ["rmsprop"]})
    lr_policy: Policy = option("step", title="Learning-rate policy", group="Learning rate", labels=POLICY_NAMES)
    lr_step: float = option(33.0, title="Step (% of training)", group="Learning rate", gt=0, le=100,
                            when={"lr_policy": ["step", "sigmoid"]})
    lr_steps: list[float] = option([50.0, 85.0], title="Steps (% of training)", group="Learning rate",
                                   when={"lr_policy": ["multistep"]})
    lr_gamma: float = option(0.1, title="Gamma", group="Learning rate", ge=0, le=10,
                             when={"lr_policy": ["step", "multistep", "exp", "inv", "sigmoid"]},
                             help="Factor of each step (step 0.1, multistep 0.5, exp 0.95 are usual).")
    lr_power: float = option(3.0, title="Power", group="Learning rate", ge=0, le=100,
                             when={"lr_policy": ["inv", "poly"]}, help="poly 3 and inv 0.5 are usual.")
    warmup_percent: float = option(0.0, title="Warm-up (% of training)", group="Learning rate", ge=0, le=90,
                                   help="Rise from near zero over this share of training.")
    mean: Literal["none", "image", "pixel", "range"] = option(
        "image", title="Subtract mean", group="Data", labels={"none": "None", "image": "Image", "pixel": "Pixel",
                                                                     "range": "Pixels become -1 to 1"},
        help="Take the average training picture (image) or the average colour (pixel) from every input, whose spread "
             "becomes 1; or bring pixels to -1 to 1, whatever the pictures are.")
    crop: int | None = option(None, title="Crop size", group="Data", ge=1, le=10_000,
                              help="Random square crop in training, centre crop elsewhere; empty: no crop.")
    shuffle: bool = option(True, title="Shuffle training data", group="Data", advanced=True)
    precision: Literal["auto", "full", "mixed"] = option(
        "auto", title="Precision", group="Hardware", advanced=True,
        labels={"auto": "Automatic", "full": "Full (float32)", "mixed": "Mixed (float16 / bfloat16)"},
        help="Automatic: mixed on GPUs that have it, full on the CPU.")
    device: Literal["auto", "gpu", "cpu"] = option(
        "auto", title="Device", group="Hardware",
        labels={"auto": "Next free GPU, else CPU", "gpu": "GPU", "cpu": "CPU"})
    gpu_count: int = option(1, title="Number of GPUs", group="Hardware", ge=1, le=64, when={"device": ["gpu", "auto"]},
                            advanced=True)
    gpu_list: list[int] = option([], title="These GPUs", group="Hardware", when={"device": ["gpu", "auto"]},
                                 advanced=True, help="Indices as on the System page; the job waits until all are free.")
    loading: Literal["auto", "memory", "stream"] = option(
        "auto", title="Pictures in training", group="Hardware", advanced=True,
        labels={"auto": "In memory when they fit, else streamed", "memory": "In memory", "stream": "Streamed"},
        help="Decoded once and kept in memory (fast), or read from the database by loader processes for every batch.")
    workers: int = option(2, title="Loader processes", group="Hardware", ge=0, le=64, advanced=True,
                          help="Only for data that does not fit in memory.", when={"loading": ["auto", "stream"]})
    trace_steps: int = option(0, title="Trace steps", group="Hardware", ge=0, le=200, advanced=True,
                              help="Make a timeline of so many steps after the first few, and a list of the slowest "
                                   "operators; 0: none. Those steps are slower.")
    keep: int = option(5, title="Checkpoints to keep", group="Hardware", ge=0, le=100_000, advanced=True,
                       help="Newest ones beside best and last; 0: all.")

    def outputs(self, classes: int) -> int:
        """Values that a network gives for a dataset of so many classes."""
        return classes

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Fields that contradict each other."""
        found = self._network_problems()
        if any(not 0 < value < 100 for value in self.lr_steps):
            found.append(Problem("lr_steps", "Every step must lie between 0 and 100 percent."))
        if len(set(self.gpu_list)) < len(self.gpu_list) or any(index < 0 for index in self.gpu_list):
            found.append(Problem("gpu_list", "GPU indices must be different and not negative."))
        if self.device == "cpu" and self.gpu_list:
            found.append(Problem("gpu_list", "Device is CPU; choose GPU, or leave this empty."))
        return found

    def _network_problems(self) -> list[Problem]:
        checks: dict[str, tuple[tuple[str, Callable[[str], Any]], ...]] = {
            CUSTOM: (("network_source", check_source), ("network_values", parse_values)),
            graph.CAFFE: (("network_values", graph.read),)}
        found = []
        for name, check in checks.get(self.network, ()):
            try:
                check(getattr(self, name))
            except BadData as error:
                found.append(Problem(name, str(error)))
        return found


class TrainOptions(FitOptions, AugmentOptions, BasicOptions):
    """What a training of any task can be told; pydantic puts the last parent's options first."""

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Fields that contradict each other."""
        found = super().problems(roots)
        if self.patience > 0 and self.val_interval == 0:
            found.append(Problem("patience", "Early stopping needs measurements: set a validation interval."))
        return found


class ClassifierOptions(ClassOptions, MixOptions, TrainOptions):
    """What a training of an image classifier can be told."""


def with_policy_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """The values with gamma and power as usual for the chosen policy where nobody gave them."""
    policy = values.get("lr_policy", "step")
    usual = {"lr_gamma": GAMMA_DEFAULTS.get(policy), "lr_power": POWER_DEFAULTS.get(policy)}
    return {**{name: value for name, value in usual.items() if value is not None}, **values}
