"""Runs the source of a custom network. For workers and confined processes only: never in a server that others use."""

import linecache
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from digits_core.networks.custom import ENTRY, FILE, BadNetwork, NetworkParams, check_source, parse_values

Shape = tuple[int, int, int]
Make = Callable[[Shape, int], nn.Module]


def maker(source: str, values: str) -> tuple[Make, int]:
    """A function from (input_shape, classes) to the user's network, and the smallest side of a picture it takes.

    The module may set ``SMALLEST``: smaller pictures are then enlarged before its network sees them. Raises BadNetwork
    with the line when the source does not run.
    """
    check_source(source)
    options, module = parse_values(values), _run(source)
    smallest = getattr(module, "SMALLEST", 1)
    if not isinstance(smallest, int) or not 1 <= smallest <= 4096:
        raise BadNetwork("SMALLEST must be a whole number of pixels from 1 to 4096.")

    def make(input_shape: Shape, classes: int) -> nn.Module:
        with lines_named():
            network = getattr(module, ENTRY)(NetworkParams(input_shape, classes, dict(options)))
        if not isinstance(network, nn.Module):
            raise BadNetwork(f"{ENTRY} returned {type(network).__name__}; it must return the network (an nn.Module).")
        return network

    return make, smallest


def _run(source: str) -> ModuleType:
    module = ModuleType(FILE.removesuffix(".py"))
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)  # for lines in tracebacks
    with lines_named():
        exec(compile(source, FILE, "exec", dont_inherit=True), module.__dict__)
    return module


@contextmanager
def lines_named() -> Iterator[None]:
    """Errors of the user's code become BadNetwork with the last line of theirs that was at work."""
    try:
        yield
    except BadNetwork:
        raise
    except (Exception, SystemExit) as error:
        raise BadNetwork(described(error)) from error


def described(error: BaseException) -> str:
    """An error as "line 12, in forward: ValueError: what it said", without the line when it is not in the source."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    where = f"line {frames[-1].lineno}, in {frames[-1].name}: ".replace(", in <module>", "") if frames else ""
    said = " ".join(str(error).split())[:400]
    return f"{where}{type(error).__name__}" + (f": {said}" if said else "")


def try_for(trial: str, make: Callable[[], nn.Module], input_shape: Shape, classes: int, dense: bool) -> None:
    """Try a network by the function that a task names, else as one that gives logits. Raises BadNetwork."""
    if trial:
        resolve_name(trial)(make, input_shape, classes)
    else:
        try_network(make, input_shape, classes, dense)


def try_network(make: Callable[[], nn.Module], input_shape: Shape, classes: int, dense: bool = False) -> None:
    """One step of learning and one look on made-up pictures. Raises BadNetwork when the network does not fit.

    It must take float32 (B, C, H, W) and give logits (B, classes), where the task is ``dense`` (B, classes, H, W); in
    training mode perhaps a tuple with auxiliary logits behind.
    """
    network, wanted = make(), (classes, *(input_shape[1:] if dense else ()))
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise BadNetwork("The network has nothing to learn: none of its parameters asks for a gradient.")
    with lines_named():
        found = network.train()(torch.randn(2, *input_shape))
        for output in found if isinstance(found, tuple) else (found,):
            _check_output(output, (2, *wanted))
        sum(output.sum() for output in (found if isinstance(found, tuple) else (found,))).backward()
        with torch.no_grad():
            _check_output(network.eval()(torch.randn(1, *input_shape)), (1, *wanted))


def _check_output(found: Any, wanted: tuple[int, ...]) -> None:
    if not isinstance(found, Tensor):
        raise BadNetwork(f"The network returned {type(found).__name__}; it must return a tensor of logits.")
    if found.shape != wanted:
        raise BadNetwork(f"The network gives {tuple(found.shape)} for {wanted[0]} pictures; it must give {wanted}: one "
                         f"number a class{' for every pixel' if len(wanted) > 2 else ''}.")
