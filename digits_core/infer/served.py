"""A model that is kept loaded, and what was asked of it: runs its network for one request, or for several at once."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from digits_core.infer.embedding import embed
from digits_core.infer.gather import Gather
from digits_core.infer.predictor import GPU_BATCH, Pixels, Predictor
from digits_core.infer.tally import Tally

Json = dict[str, Any]
Said = tuple[Any, str]
"""What is found on a picture, and its features where these are wanted."""


class Served:
    """One model at one checkpoint. Safe to use from several threads at once."""

    def __init__(self, predictor: Predictor, turn: AbstractContextManager[object]) -> None:
        """``turn`` is held while a GPU calculates; its batches may come from several requests."""
        self.predictor, self.turn, self.tally = predictor, turn, Tally()
        self.gather: Gather[Pixels, Said] = Gather(self.run, GPU_BATCH, turn)

    def run(self, pictures: list[Pixels], with_features: bool = False) -> list[Said]:
        """Pixels (C, H, W) of each picture through the network, now."""
        started = time.perf_counter()
        found = (list(zip(*embed(self.predictor, pictures), strict=True)) if with_features else
                 [(one, "") for one in self.predictor.predict(pictures)])
        self.tally.ran(len(pictures), time.perf_counter() - started)
        return found

    def together(self, prepare: Callable[[], list[Pixels]], with_features: bool, alike: bool) -> list[Said]:
        """The same on a GPU, when it is free; pictures that are ``alike`` in size join those of other requests."""
        if alike and not with_features:
            return self.gather.ask(prepare)
        pictures = prepare()
        with self.turn:
            return self.run(pictures, with_features) if pictures else []

    def facts(self) -> Json:
        """Epoch, bytes of its weights, and what the tally says."""
        tensors = self.predictor.network.state_dict().values()
        return {"epoch": self.predictor.row.epoch, "bytes": sum(one.numel() * one.element_size() for one in tensors),
                **self.tally.facts()}
