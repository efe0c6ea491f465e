"""Services on networks before a training: their source, whether they work, what they are made of."""

import functools
from typing import Any

from digits_core import files
from digits_core.errors import BadData, DigitsError, InvalidOptions, NotAllowed, Problem
from digits_core.infer.model_files import read_source
from digits_core.jobs import child
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.networks import DESCRIBED, graph, title
from digits_core.networks.custom import CUSTOM, FILE, LONGEST
from digits_core.networks.graph import CAFFE
from digits_core.networks.source import described_source, has_source, standard_source
from digits_core.options import check
from digits_core.safe import safe_path
from digits_core.services.access import authorize
from digits_core.services.datasets import manifest
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace
from digits_core.tasks import model_task
from digits_core.train.options import TrainOptions, with_policy_defaults

__all__ = ["checked_options", "described", "has_source", "is_custom", "layers", "own_source", "read_file",
           "require_custom", "require_working", "source", "with_source"]

Json = dict[str, Any]
LONGEST_S = 60.0


def layers(workspace: Workspace, user: str, dataset: str, options: Json) -> Json:
    """The network of a training on a done dataset, layer by layer, before it is made.

    {"layers": [{"name", "type", "shape" (of the output), "parameters", "flops", "inputs"}], "input_shape",
    "parameters", "flops"}; inputs are the rows whose output a layer takes, -1 the picture; flops are of one picture,
    forward. A custom network learns
    one step first. Raises InvalidOptions, for a custom network that does not work at ``network_source`` with its line.
    """
    authorize(user, "create")
    view = of_kind(workspace, dataset, Kind.DATASET)
    return _tried(workspace, view, checked_options(workspace, view, options))


def checked_options(workspace: Workspace, view: JobView, options: Json) -> TrainOptions:
    """The options of a training on this dataset, complete. Raises InvalidOptions with every problem at its field."""
    kind = model_task(view.job.task, str(options.get("task") or ""))
    given = {"network": kind.default_network, **with_source(workspace, options)}
    checked = check(kind.model_options, with_policy_defaults(given))
    if checked.network not in (*kind.networks, *DESCRIBED):
        raise InvalidOptions([Problem("network", f"{title(checked.network)} is not for {kind.title.lower()}; choose "
                                                 f"one of {', '.join(kind.networks[:12])}.")])
    if checked.network == CAFFE and graph.read(checked.network_values).dense != kind.dense:
        raise InvalidOptions([Problem("network", "This network answers about pictures as a whole." if kind.dense else
                                      "This network answers about every pixel: it is for segmentation.")])
    return checked


def require_working(workspace: Workspace, view: JobView, checked: TrainOptions) -> None:
    """Raise InvalidOptions when a training's custom network does not work with its dataset, as far as that is known."""
    if checked.network != CUSTOM:
        return
    require_custom(workspace)
    if view.status is Status.DONE:  # before that the number of classes is not known; the training looks itself
        _tried(workspace, view, checked)


def _tried(workspace: Workspace, view: JobView, checked: TrainOptions) -> Json:
    if checked.network == CUSTOM:
        require_custom(workspace)
    found = manifest(view)
    channels, height, width = found["shape"]
    kind = model_task(view.job.task, checked.task)
    crop = None if kind.dense else checked.crop
    shape = (channels, crop or height, crop or width)
    return _asked(checked.network, checked.network_source, checked.network_values, shape,
                  checked.outputs(len(found["labels"])), kind.dense, kind.trial)


@functools.lru_cache(maxsize=32)
def _asked(network: str, source: str, values: str, shape: tuple[int, int, int], classes: int,
           dense: bool, trial: str) -> Json:
    """Remembered: the trainings of a sweep have one network."""
    question = {"network": network, "source": source, "values": values, "input_shape": shape, "classes": classes,
                "dense": dense, "trial": trial}
    own = network == CUSTOM
    try:
        answer = child.ask("digits_core.networks.trial", question, LONGEST_S, [], user_code=own)
    except child.NoAnswer as error:
        text = f"The network could not be tried: {error}."
        raise InvalidOptions([Problem("network_source", text)]) if own else BadData(text) from None
    if problems := answer.get("problems"):
        raise InvalidOptions([Problem(str(name), str(message)) for name, message in problems])
    if "error" in answer:
        raise BadData(str(answer["error"]))
    return answer


def require_custom(workspace: Workspace) -> None:
    """Raise NotAllowed where users' code must not run."""
    if not workspace.settings.runs_user_code:
        raise NotAllowed("Custom networks are switched off on this server: their code would run as its user. Whoever "
                         "runs the server can allow them with DIGITS_CUSTOM_NETWORKS=on.")


def with_source(workspace: Workspace, options: Json) -> Json:
    """The options with the text of ``network_file`` in them, unless they hold a source already.

    An imported network is that of the model to start from, where nothing else is said.
    """
    if options.get("network") == CAFFE and not options.get("network_values") and options.get("start_model"):
        return {**options, **_of_start(workspace, str(options["start_model"]))}
    name = options.get("network_file")
    if options.get("network") != CUSTOM or not name or options.get("network_source"):
        return options
    try:
        return {**options, "network_source": read_file(workspace, str(name))}
    except DigitsError as error:
        raise InvalidOptions([Problem("network_file", str(error))]) from None


def _of_start(workspace: Workspace, start_model: str) -> Json:
    try:
        found = described(of_kind(workspace, start_model, Kind.MODEL, Kind.PRETRAINED))
    except DigitsError as error:
        raise InvalidOptions([Problem("start_model", str(error))]) from None
    if found["network"] != CAFFE:
        raise InvalidOptions([Problem("start_model", "This model's network is not one that was imported from Caffe.")])
    return found


def read_file(workspace: Workspace, name: str) -> str:
    """The text of a Python file on the server. Raises DigitsError when it is none, too long, or must not be read."""
    path = safe_path(name, workspace.settings.data_roots)
    if path.suffix != ".py" or not path.is_file():
        raise BadData(f"{name[:200]!r} is not a Python file (.py).")
    if path.stat().st_size > 4 * LONGEST:
        raise BadData(f"{path.name} is {path.stat().st_size:,} bytes long; at most {LONGEST:,} characters are taken.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadData(f"{path.name} is not UTF-8 text.") from None


def source(workspace: Workspace, name: str) -> str:
    """The source of a standard network, or of the custom network of the model with this id, to start one's own from."""
    try:
        view = of_kind(workspace, name, Kind.MODEL, Kind.PRETRAINED)
    except DigitsError:
        return standard_source(name)
    found = described(view)
    return described_source(found["network_values"]) if found["network"] == CAFFE else (
        own_source(view) or standard_source(found["network"]))


def own_source(view: JobView) -> str:
    """The source of a model's custom network; empty when it has none that can be read."""
    try:
        return read_source(view.folder.path / FILE)
    except BadData:
        return ""


def is_custom(view: JobView) -> bool:
    """Whether a model's network is custom and its source can be read."""
    return view.job.options.get("network") == CUSTOM and (view.folder.path / FILE).is_file()


def described(view: JobView) -> Json:
    """The options of a training that has the network of this model."""
    found = files.read_json(view.folder.path / "network.json") or {}
    network = str(found.get("network") or view.job.options.get("network") or "")
    return {"network": network, "network_source": own_source(view) if network == CUSTOM else "",
            "network_values": str(found.get("values") or "")}
