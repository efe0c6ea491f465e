"""The next values, hopeless trials, importance: from made-up histories."""

import math
import subprocess
import sys

import pytest

from digits_core.search.chooser import hopeless, importance, planned, propose
from digits_core.search.options import SearchOptions
from digits_core.search.space import Space, space_of
from digits_core.search.trials import Trial
from digits_core.train.options import ClassifierOptions

SPACE = space_of(ClassifierOptions, {"learning_rate": "0.0001..1", "batch_size": [8, 16, None]})


def trial(number: int, values: dict, points: list[float], state: str = "done", **words: object) -> Trial:
    return Trial(number, f"20260101-000000-{number:04x}", values, state,  # type: ignore[arg-type]
                 tuple((float(epoch), value) for epoch, value in enumerate(points, 1)), **words)  # type: ignore[arg-type]


def reached(values: dict) -> float:
    """The best learning rate is 0.01; the batch size hardly counts."""
    return 1 - 0.1 * abs(math.log10(values["learning_rate"]) + 2) - 0.001 * (values["batch_size"] == 8)


def searched(options: SearchOptions, space: Space = SPACE) -> list[Trial]:
    found: list[Trial] = []
    for number in range(1, planned(space, options) + 1):
        values = propose(space, options, found, number)
        found.append(trial(number, values, [0.1, reached(values)]))
    return found


def near(trials: list[Trial]) -> int:
    return sum(0.002 <= each.values["learning_rate"] <= 0.05 for each in trials)


def test_tpe_looks_where_it_was_good_and_the_same_history_gives_the_same_values() -> None:
    both = {method: [searched(SearchOptions(trials=30, search_seed=seed, method=method)) for seed in range(3)]
            for method in ("tpe", "random")}
    assert sum(near(each[10:]) for each in both["tpe"]) > sum(near(each[10:]) for each in both["random"]) + 3
    options, learned, drawn = SearchOptions(trials=30, search_seed=0), both["tpe"][0], both["random"][0]
    assert [each.values for each in learned] == [each.values for each in searched(options)]
    assert propose(SPACE, options, learned[:12], 13) == learned[12].values
    assert {each.values["batch_size"] for each in drawn} == {8, 16, None}


@pytest.mark.parametrize("method", ["tpe", "random", "grid"])
def test_a_space_with_an_end_is_tried_whole_and_nothing_twice(method: str) -> None:
    space = space_of(ClassifierOptions, {"batch_size": [8, 16, 32], "shuffle": [True, False]})
    options = SearchOptions(method=method, trials=50, search_seed=1)
    found: list[Trial] = []
    assert planned(space, options) == 6
    for number in range(1, 7):
        values = propose(space, options, found, number)
        found.append(trial(number, values, [0.5]))
    assert len({tuple(each.values.items()) for each in found}) == 6


def test_values_that_diverge_are_avoided_and_those_of_a_killed_trial_are_not() -> None:
    options = SearchOptions(trials=30, search_seed=5)
    bad = [trial(n, {"learning_rate": 0.5 + n / 100, "batch_size": 8}, [], "failed", at_fault=True)
           for n in range(1, 8)]
    good = [trial(n, {"learning_rate": 0.001 * n, "batch_size": 8}, [0.1, 0.8]) for n in range(8, 16)]
    rates = [propose(SPACE, options, bad + good, number)["learning_rate"] for number in range(16, 26)]
    assert sum(rate > 0.4 for rate in rates) <= 2
    killed = [trial(n, {"learning_rate": 0.5, "batch_size": 8}, [], "failed") for n in range(1, 4)]
    assert propose(SPACE, options, killed, 5) == propose(SPACE, options, [], 5)


MADE = [trial(n, {"learning_rate": 0.01, "batch_size": 8}, [0.2, 0.5 + n / 100, 0.7 + n / 100]) for n in range(1, 6)]


@pytest.mark.parametrize(("points", "ends"), [
    ([0.1], False), ([0.1, 0.5], True), ([0.1, 0.54], False), ([0.6, 0.1], False), ([0.2, 0.5, 0.72], True),
    ([0.2, 0.5, 0.75], False), ([0.1, 0.2, 0.3, 0.4], False), ([], False)])
def test_a_trial_below_the_median_is_hopeless(points: list[float], ends: bool) -> None:
    running = trial(9, {"learning_rate": 0.1, "batch_size": 16}, points, "running")
    why = hopeless(SPACE, SearchOptions(search_seed=1), [*MADE, running], running)
    assert bool(why) == ends
    assert not ends or why.startswith(f"worse than the median of the others at epoch {len(points)} (accuracy ")


def test_nothing_is_hopeless_before_enough_is_known_or_when_nobody_wants_it() -> None:
    running = trial(9, {"learning_rate": 0.1, "batch_size": 16}, [0.1, 0.1], "running")
    assert hopeless(SPACE, SearchOptions(search_seed=1), [*MADE[:3], running], running) == ""
    assert hopeless(SPACE, SearchOptions(prune_after=3), [*MADE, running], running) == ""
    assert hopeless(SPACE, SearchOptions(prune=False), [*MADE, running], running) == ""
    losing = trial(9, {"learning_rate": 0.1, "batch_size": 16}, [0.9, 0.9], "running")
    assert "loss 0.9" in hopeless(SPACE, SearchOptions(metric="loss"), [*MADE, losing], losing)


def test_what_mattered_comes_first() -> None:
    found = importance(SPACE, SearchOptions(), searched(SearchOptions(trials=40, method="random", search_seed=2)))
    assert next(iter(found)) == "learning_rate" and found["learning_rate"] > 0.8
    assert sum(found.values()) == pytest.approx(1, abs=0.01)
    assert importance(SPACE, SearchOptions(), MADE[:3]) == {}
    same = [trial(n, {"learning_rate": n / 100, "batch_size": 8}, [0.5]) for n in range(1, 9)]
    assert importance(SPACE, SearchOptions(), same) == {}


def test_optuna_is_loaded_only_where_it_is_used_and_brings_no_torch() -> None:
    code = ("import sys, digits_core.services.scheduling, digits_core.api.app, digits_core.cli\n"
            "assert 'optuna' not in sys.modules\n"
            "from digits_core.search.chooser import propose\nfrom digits_core.search.options import SearchOptions\n"
            "from digits_core.search.space import Range\n"
            "propose({'epochs': Range(1, 9, False, True)}, SearchOptions(search_seed=1), [], 1)\n"
            "assert 'optuna' in sys.modules and 'torch' not in sys.modules and 'sqlalchemy' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
