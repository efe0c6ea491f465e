"""The worker's entry: a dataset and options in, a trained and measured network out."""

import time
from pkgutil import resolve_name
from typing import Any

import safetensors.torch
import torch
from torch import nn

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.evaluate.predictions import Keeper, predictions_file
from digits_core.infer import reference
from digits_core.jobs.context import Context
from digits_core.networks import title, usual_batch_size
from digits_core.networks.build import build_network, count_parameters
from digits_core.networks.custom import CUSTOM, FILE
from digits_core.networks.usercode import try_for
from digits_core.options import check
from digits_core.tasks import task
from digits_core.train import batch_size
from digits_core.train.augment import Transform, moves
from digits_core.train.checkpoints import read_weights
from digits_core.train.dataset import Dataset, Preprocessing
from digits_core.train.fit_options import ClassOptions
from digits_core.train.hardware import Hardware, NoGpu, choose_hardware
from digits_core.train.journal import Journal
from digits_core.train.learner import Learner, Tally
from digits_core.train.loader import Loader
from digits_core.train.loop import fit
from digits_core.train.options import TrainOptions
from digits_core.train.pace import TRAINING, Pace
from digits_core.train.plan import INIT, Plan, mix
from digits_core.train.start import load_start

Json = dict[str, Any]
LOOKED_THROUGH = 200_000
"""Training sets up to this size are predicted too when a training ends; larger ones on demand."""


def run(context: Context) -> Json:
    """Train, or go on training, the model that the job asks for; returns its key figures."""
    values = dict(context.job.options)
    dataset = Dataset.read(context.store.folder(values.pop("dataset")))
    options = _options(context, values, dataset)
    preprocessing = Preprocessing.of(dataset, options)
    loader = Loader(dataset, options, context)
    loader.prepare()
    if options.device == "gpu" and not context.devices:
        raise NoGpu("This job asks for a GPU, but there is none for it. Choose the CPU, or look at the System page.")
    hardware = choose_hardware(len(context.devices), options.precision)
    options = _with_batch_size(context, options, preprocessing, loader, hardware)
    plan = _plan(options, dataset, loader)
    network = _network(context, options, preprocessing, plan)
    learner = resolve_name(task(context.job.task).learner)(
        network, preprocessing.outputs, options, hardware, dataset.class_counts(), dataset.details)
    kind = task(context.job.task)
    loader.attach(Transform(preprocessing, options, hardware.device, moves(kind)), plan, hardware)
    journal = Journal(context, learner, plan, kind.goal)
    _begin(context, journal, hardware)
    fit(learner, loader, plan, journal, context)
    trained = plan.epoch(journal.step)
    ended = {"ended": plan.course.reason} if plan.course.reason else {}
    return {**_evaluate(context, learner, loader, journal), "network": options.network, **ended,
            **({"batch_size": plan.batch_size} if options.auto_batch else {}),
            "epochs": int(trained) if trained == int(trained) else trained, "parameters": count_parameters(network)}


def _options(context: Context, values: Json, dataset: Dataset) -> TrainOptions:
    options = check(task(context.job.task).model_options, values)
    if not dataset.has("val") and options.val_interval > 0:
        context.log("the dataset has no validation pictures: nothing is measured, the last checkpoint counts")
        return options.model_copy(update={"val_interval": 0.0})
    return options


def _with_batch_size(context: Context, options: TrainOptions, preprocessing: Preprocessing, loader: Loader,
                     hardware: Hardware) -> TrainOptions:
    """The options with the batch size that was found for this job, where that is wanted."""
    if not options.auto_batch:
        return options
    dataset, shape = preprocessing.dataset, preprocessing.input_shape
    outputs, counts = preprocessing.outputs, dataset.class_counts()

    def make() -> Learner:
        context.check_stop()
        network = build_network(options.network, shape, outputs, options.network_source, options.network_values)
        made: Learner = resolve_name(task(context.job.task).learner)(
            network, outputs, options, hardware, counts, dataset.details)
        return made

    if options.network == CUSTOM:
        _try(context, options, shape, outputs)
    context.progress(0.0, "finding the batch size")
    found = batch_size.recorded(context.folder.path, batch_size.Probe(make, shape, dataset.target, hardware),
                                dataset.entries["train"], loader.kept_bytes)
    context.log(batch_size.words(found))
    return options.model_copy(update={"batch_size": found["batch_size"]})


def _plan(options: TrainOptions, dataset: Dataset, loader: Loader) -> Plan:
    entries = dataset.entries["train"]
    size = options.batch_size or usual_batch_size(options.network)
    return Plan(options, entries, min(size, entries), options.seed or 0,
                loader.labels() if isinstance(options, ClassOptions) and options.balanced else None)


def _network(context: Context, options: TrainOptions, preprocessing: Preprocessing, plan: Plan) -> nn.Module:
    """Build the network, give it start weights, and write down what inference needs."""
    path, classes, outputs = context.folder.path, len(preprocessing.dataset.labels), preprocessing.outputs
    if options.network == CUSTOM:
        files.write_atomic(path / FILE, options.network_source)
        _try(context, options, preprocessing.input_shape, outputs)
    torch.manual_seed(mix(plan.seed, INIT))
    network = build_network(options.network, preprocessing.input_shape, outputs, options.network_source,
                            options.network_values)
    if any(context.folder.checkpoints.glob("*.state")):  # it goes on from its own weights
        started = (files.read_json(path / "network.json") or {}).get("start", {})
    else:
        started = load_start(network, options, context)
    preprocessing.write(path)
    files.write_atomic(path / "network.json", {
        "v": 1, "network": options.network, "task": context.job.task, "input_shape": list(preprocessing.input_shape),
        "classes": classes, "outputs": outputs, "parameters": count_parameters(network),
        "values": options.network_values, "start": started})
    context.log(f"{title(options.network)}: {count_parameters(network):,} parameters, input "
                f"{' x '.join(map(str, preprocessing.input_shape))}, {classes} classes")
    return network


def _try(context: Context, options: TrainOptions, shape: tuple[int, int, int], outputs: int) -> None:
    """Raise BadNetwork, with the line, before anything else is done when a custom network does not work."""
    kind = task(context.job.task)
    try_for(kind.trial, lambda: build_network(CUSTOM, shape, outputs, options.network_source, options.network_values),
            shape, outputs, kind.dense)


def _begin(context: Context, journal: Journal, hardware: Hardware) -> None:
    plan = journal.plan
    going_on = journal.resume()
    if going_on and (attempt := context.folder.newest()):  # not a row: a resumed run's rows equal an undisturbed one's
        files.write_once(attempt.resumed, {"step": journal.step, "epoch": plan.epoch(journal.step)})
    context.log(f"{hardware.describe()}; batches of {plan.batch_size}, {plan.steps_per_epoch} steps an epoch, "
                f"{plan.total} in all")
    if journal.learner.about:
        context.log(journal.learner.about)
    if going_on:
        context.log(f"going on at epoch {plan.epoch(journal.step):.4g} (step {journal.step})")


def _evaluate(context: Context, learner: Learner, loader: Loader, journal: Journal) -> Json:
    """Measure the best checkpoint on validation and test pictures, write the reports, and keep every prediction."""
    best = journal.checkpoints.best()
    if best is None:
        raise DigitsError("The training left no checkpoint: its files were deleted while it ran. Resume.")
    learner.load_weights(safetensors.torch.load(read_weights(journal.checkpoints.folder, best)))
    folder = context.folder.path / "evaluation"
    folder.mkdir(exist_ok=True)
    pace, summary = Pace(context, journal.plan), {"best_epoch": best["epoch"]}
    for split, prefix in (("val", ""), ("test", "test_"), ("train", None)):
        if not loader.dataset.has(split) or (prefix is None and loader.dataset.entries[split] > LOOKED_THROUGH):
            continue
        context.progress(TRAINING, f"measuring the best checkpoint on {split}", epoch=journal.plan.epoch(journal.step))
        keeper = learner.keeper(loader.dataset.labels, loader.dataset.entries[split])
        if keeper is None and prefix is None:
            continue
        tally = learner.tally(pace.watched(loader.measure(split)), keeper)
        if split == "val":
            _refer(context, learner, loader, best, tally)
        if keeper is not None:
            _keep(context, keeper, loader.dataset, split, best)
        if prefix is None:  # a network knows the pictures it learned from: their report would be too good
            continue
        report, metrics = tally.report(loader.dataset.labels), tally.metrics()
        files.write_atomic(folder / f"{split}.json", {"v": 1, "split": split, "checkpoint_epoch": best["epoch"],
                                                      "time": time.time(), **report})
        context.log(f"best checkpoint (epoch {best['epoch']:g}) on {split}: "
                    + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
        summary |= {f"{prefix}{name}": value for name, value in metrics.items()}
    if not loader.dataset.has("val"):
        _refer(context, learner, loader, best, None)
    return summary


def _refer(context: Context, learner: Learner, loader: Loader, best: Json, measured: Tally | None) -> None:
    """Write what answers of the best checkpoint need beside its weights, where the task has such a thing."""
    if found := learner.reference(loader, measured):
        reference.write(context.folder.path, found, best["sha256"])


def _keep(context: Context, keeper: Keeper, dataset: Dataset, split: str, best: Json) -> None:
    """Write every prediction beside the report; those on training pictures show which labels are probably wrong."""
    paths = [path for _, path in dataset.records(split).headers()]
    source = {"dataset": str(context.job.options["dataset"]), "split": split, "model": context.job.id,
              "checkpoint": best["file"], "checkpoint_epoch": best["epoch"], "time": time.time()}
    keeper.done(paths, source).write(predictions_file(context.folder.path, split))
