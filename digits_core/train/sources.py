"""Where batches of raw pixels come from: one array that holds everything, or processes that read the database."""

import mmap
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from digits_core.data.records import Records
from digits_core.data.targets import TargetSpec
from digits_core.errors import DigitsError
from digits_core.jobs.devices import cpu_count

Positions = NDArray[np.int64]
Pixels = NDArray[Any]
Targets = NDArray[Any]
CHUNK_BYTES = 4_000_000
SMALL = 2000
"""Pictures that are decoded sooner than a second process is started."""


class LoaderDied(DigitsError):
    """A process that reads pictures was killed."""

    code = "loader-killed"
    try_next = "Use fewer loader processes or a smaller batch size, then resume."


class Source(Protocol):
    """Raw batches of a split."""

    def batches(self, positions: Iterable[Positions]) -> Iterator[tuple[Tensor, Tensor]]:
        """uint8 (B, C, H, W) and targets (B, ...) on the device, a pair for each array of positions, in order."""
        ...


class Packed:
    """All pictures of a split in one array, on the device when that has room for it."""

    def __init__(self, pixels: Pixels, targets: Targets, device: torch.device) -> None:
        self.device, self.pixels, self.targets = device, pixels, targets
        self.moved: tuple[Tensor, Tensor] | None = None
        if device.type != "cpu" and pixels.nbytes <= torch.cuda.mem_get_info(device)[0] // 2:
            self.moved = torch.from_numpy(pixels).to(device), torch.from_numpy(targets).to(device)

    def batches(self, positions: Iterable[Positions]) -> Iterator[tuple[Tensor, Tensor]]:
        """See Source."""
        for group in positions:
            if self.moved:
                index_B = torch.from_numpy(group).to(self.device, non_blocking=True)
                yield self.moved[0].index_select(0, index_B), self.moved[1].index_select(0, index_B)
            else:  # by NumPy: PyTorch would wake all its threads for so little
                yield (torch.from_numpy(self.pixels[group]).to(self.device, non_blocking=True),
                       torch.from_numpy(self.targets[group]).to(self.device, non_blocking=True))


class Streamed:
    """Reads and decodes each batch when it is needed, ahead of time in ``workers`` processes (0: right here)."""

    def __init__(self, records: Records, spec: TargetSpec, workers: int, device: torch.device) -> None:
        self.records, self.spec, self.workers, self.device = records, spec, workers, device

    def batches(self, positions: Iterable[Positions]) -> Iterator[tuple[Tensor, Tensor]]:
        """See Source."""
        loader: DataLoader[Any] = DataLoader(_WholeBatches(self.records, self.spec), batch_sampler=positions,  # type: ignore[arg-type]
                            num_workers=self.workers, collate_fn=_as_it_is, generator=torch.Generator(),
                            pin_memory=self.device.type == "cuda")
        try:
            for batch in loader:
                if isinstance(batch, DigitsError):
                    raise batch
                pixels, targets = batch
                yield pixels.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise LoaderDied("A loader process was killed, most likely for lack of memory "
                             f"({str(error).splitlines()[0]}).") from error


class _WholeBatches:
    """Records as a torch dataset that is asked for a batch at a time."""

    def __init__(self, records: Records, spec: TargetSpec) -> None:
        self.records, self.spec = records, spec

    def __len__(self) -> int:
        return len(self.records)

    def __getitems__(self, positions: Sequence[int]) -> tuple[Tensor, Tensor] | DigitsError:
        try:
            pixels, targets = self.records.batch([int(position) for position in positions], self.spec)
        except DigitsError as error:
            return error  # raised by the reader: torch would bury its text in a traceback
        return torch.from_numpy(pixels), torch.from_numpy(targets)


def _as_it_is(batch: Any) -> Any:
    return batch


def fits_in_memory(size: int) -> bool:
    """Whether ``size`` bytes of pictures may be kept: at most half of the memory that is free now."""
    free = psutil.virtual_memory().available
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        limit = free  # no container limit ("max"), or another kind of control group
    return size <= min(free, limit) // 2


def pack(records: Records, shape: tuple[int, int, int], dtype: np.dtype[Any], spec: TargetSpec,
         tick: Callable[[float], None]) -> tuple[Pixels, Targets]:
    """Every picture of a split, decoded once by all processors, and the targets.

    ``tick`` gets the finished share at least twice a second; whatever it raises ends the work. Raises BadData from a
    damaged database.
    """
    count, size = len(records), int(np.prod(shape))
    # Shared, anonymous memory: processes write their part in place, and /dev/shm may be as small as it likes.
    memory = mmap.mmap(-1, max(1, count * (size * dtype.itemsize + spec.bytes)))
    values = count * int(np.prod(spec.shape, dtype=np.int64))
    # the wider values first: each array starts at a multiple of its own
    places = (0, count * size * dtype.itemsize) if dtype.itemsize > 1 and spec.dtype == "uint8" else (
        count * spec.bytes, 0)
    targets = np.frombuffer(memory, spec.dtype, values, places[1]).reshape(count, *spec.shape)
    pixels = np.frombuffer(memory, dtype, count * size, places[0]).reshape(count, *shape)
    shared = Shared(records, spec, pixels, targets)
    step = max(1, CHUNK_BYTES // size)
    parts = [range(start, min(start + step, count)) for start in range(0, count, step)]
    processes = min(cpu_count(), len(parts))
    if processes < 2 or count < SMALL:
        for done, part in enumerate(parts):
            tick(done / len(parts))
            shared.fill(part)
    else:
        _fill_together(processes, shared, parts, tick)
    return pixels, targets


class Shared(NamedTuple):
    """Where processes write what they decode."""

    records: Records
    spec: TargetSpec
    pixels: Pixels
    targets: Targets

    def fill(self, part: range) -> None:
        """Decode a part of the split."""
        self.pixels[part.start:part.stop], self.targets[part.start:part.stop] = self.records.batch(part, self.spec)


def _fill_together(processes: int, shared: Shared, parts: list[range],
                   tick: Callable[[float], None]) -> None:
    fork = multiprocessing.get_context("fork")  # the only way to hand over memory that has no name
    children = {}
    try:
        for number in range(processes):
            reader, writer = fork.Pipe(duplex=False)
            child = fork.Process(target=_fill_parts, args=(writer, shared, parts[number::processes]), daemon=True)
            child.start()
            writer.close()
            children[reader] = child
        _follow(children, len(parts), tick)
    finally:
        for reader, child in children.items():
            child.kill()
            child.join()
            reader.close()


def _fill_parts(writer: Connection, shared: Shared, parts: list[range]) -> None:
    try:
        for part in parts:
            shared.fill(part)
            writer.send(1)
        writer.send(0)
    except DigitsError as error:
        writer.send(error)


def _follow(children: dict[Connection, Any], parts: int, tick: Callable[[float], None]) -> None:
    """Until every child has said that it is done."""
    busy, done = list(children), 0
    while busy:
        tick(done / parts)
        for reader in wait(busy, timeout=0.4):
            assert isinstance(reader, Connection)
            try:
                news = reader.recv()
            except EOFError:
                raise LoaderDied("A process that decodes the pictures was killed, most likely for lack of "
                                 "memory.") from None
            if isinstance(news, DigitsError):
                raise news
            done += news
            if news == 0:
                busy.remove(reader)
