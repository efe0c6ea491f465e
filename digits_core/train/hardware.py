"""What a training runs on: device, number of GPUs, precision, threads."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from digits_core.errors import DigitsError
from digits_core.jobs.devices import cpu_count


class NoGpu(DigitsError):
    """The job needs a GPU that PyTorch cannot use."""

    code = "gpu-lost"


@dataclass(frozen=True)
class Hardware:
    """``dtype`` is the type of mixed precision, None for plain float32; ``count`` is the number of GPUs (0: CPU)."""

    device: torch.device
    count: int = 0
    dtype: torch.dtype | None = None

    @property
    def needs_scaler(self) -> bool:
        """float16 gradients underflow unless the loss is scaled up."""
        return self.dtype is torch.float16

    def autocast(self) -> AbstractContextManager[object]:
        """The context a training step computes in."""
        return nullcontext() if self.dtype is None else torch.autocast(self.device.type, self.dtype)

    def seed(self, seed: int) -> None:
        """Set the random numbers of the next step.

        A hundred times cheaper than torch.manual_seed, which visits every kind of device there could be.
        """
        torch.default_generator.manual_seed(seed)
        for generator in torch.cuda.default_generators[:self.count]:
            generator.manual_seed(seed)

    def describe(self) -> str:
        """Words for the log."""
        name = torch.cuda.get_device_name(0) if self.count else f"CPU, {torch.get_num_threads()} threads"
        kind = "float32" if self.dtype is None else f"mixed precision ({str(self.dtype).removeprefix('torch.')})"
        return (f"{self.count} x " if self.count > 1 else "") + f"{name}, {kind}"


def choose_hardware(gpus: int, precision: str) -> Hardware:
    """The hardware for an attempt that holds ``gpus`` GPUs. Raises NoGpu when PyTorch sees fewer."""
    if "OMP_NUM_THREADS" not in os.environ:  # who sets it means it
        torch.set_num_threads(cpu_count())
    if gpus == 0:
        return Hardware(torch.device("cpu"), 0, torch.bfloat16 if precision == "mixed" else None)
    if not torch.cuda.is_available() or torch.cuda.device_count() < gpus:
        raise NoGpu(f"The job holds {gpus} GPU{'s' * (gpus > 1)}, but PyTorch can use {torch.cuda.device_count()}: the "
                    "driver is missing or too old for this version of PyTorch. Run `python -m digits_core doctor` "
                    "on the server, or choose the CPU.")
    torch.backends.cudnn.benchmark = True
    return Hardware(torch.device("cuda", 0), gpus, None if precision == "full" else _half_type())


def _half_type() -> torch.dtype | None:
    capability = torch.cuda.get_device_capability(0)
    if capability >= (8, 0):
        return torch.bfloat16
    return torch.float16 if capability >= (7, 0) else None
