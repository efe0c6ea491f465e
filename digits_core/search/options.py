"""What a search can be told, described once."""

from typing import Literal

from digits_core.options import Options, option
from digits_core.search.space import MOST

METHODS = {"tpe": "Learn from earlier trials (TPE)", "random": "At random", "grid": "Every combination"}


class SearchOptions(Options):
    """How values are chosen, how many trainings there are, and when one is given up."""

    method: Literal["tpe", "random", "grid"] = option(
        "tpe", title="Method", labels=METHODS,
        help="TPE draws values where earlier trials were good; the first third of the trials is random.")
    trials: int = option(20, title="Trials", ge=1, le=MOST,
                         help="Trainings in all; never more than there are combinations, which a grid makes all.")
    at_once: int = option(2, title="At once", ge=1, le=64,
                          help="Trials that wait or run at the same time. TPE learns most when they are few.")
    metric: Literal["accuracy", "loss"] = option(
        "accuracy", title="Goal", labels={"accuracy": "Highest validation accuracy", "loss": "Lowest validation loss"},
        help="The best value a trial reaches counts.")
    prune: bool = option(True, title="End bad trials early",
                         help="A trial whose best value so far is worse than the median of the others at the same "
                              "measurement is finished early; what it learned is kept.")
    prune_startup: int = option(4, title="Not before so many trials are done", ge=1, le=MOST, when={"prune": [True]},
                                advanced=True)
    prune_after: int = option(2, title="Not before so many measurements", ge=1, le=10_000, when={"prune": [True]},
                              advanced=True, help="Validation measurements of a trial, usually one an epoch.")
    search_seed: int | None = option(None, title="Seed of the search", ge=0, le=2**31 - 1, advanced=True,
                                     help="Decides the random draws, and is the seed of every trial unless that is "
                                          "searched itself; empty: a new one, which is then recorded.")

    @property
    def measured(self) -> str:
        """The column of metrics.jsonl that counts."""
        return f"val/{self.metric}"

    @property
    def high(self) -> bool:
        """Whether more is better."""
        return self.metric == "accuracy"
