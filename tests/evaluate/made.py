"""Predictions made by hand, for tests of what is worked out from them."""

import numpy as np

from digits_core.evaluate.predictions import Keeper, Predictions


def predictions(classes: int = 4, pictures: int = 300, seed: int = 0, skill: float = 1.5,
                largest: int = 10**9) -> Predictions:
    """A network that is right more often than not; ``skill`` is how much it prefers the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, pictures)
    logits = rng.normal(size=(pictures, classes)).astype(np.float32)
    logits[np.arange(pictures), truth] += skill
    keeper = Keeper([f"class {k}" for k in range(classes)], pictures, largest)
    for start in range(0, pictures, 64):
        keeper.add_logits(logits[start:start + 64], truth[start:start + 64])
    return keeper.done([f"{n}.png" for n in range(pictures)], {"dataset": "d", "split": "val"})
