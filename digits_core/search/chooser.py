"""Which values come next, which trial is hopeless, which option mattered: pure functions of the trials so far.

Optuna does the arithmetic. It is given everything anew each time, so there is no database; it is imported on first use.
"""

import random
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from digits_core.search.options import SearchOptions
from digits_core.search.space import Range, Space, combinations, count
from digits_core.search.trials import Trial

if TYPE_CHECKING:
    import optuna

Json = dict[str, Any]
TURNS = 20
"""Draws until values that were tried before are tried again."""
ENOUGH = 4
"""Trials with a result from which on it is told what mattered."""


def planned(space: Space, options: SearchOptions) -> int:
    """How many trials there will be. Raises InvalidOptions when a grid has too many or no end."""
    if options.method == "grid":
        return len(combinations(space))
    return min(options.trials, count(space) or options.trials)


def propose(space: Space, options: SearchOptions, trials: Sequence[Trial], number: int) -> Json:
    """The values of trial ``number`` (from 1). The same trials so far give the same values."""
    if options.method == "grid":
        return combinations(space)[number - 1]
    tried = [trial.values for trial in trials]
    values: Json = {}
    for turn in range(TURNS):
        chance = random.Random(f"{options.search_seed} {number} {turn}")
        values = _drawn(space, chance) if options.method == "random" else _learned(space, options, trials, chance)
        if values not in tried:
            return values
    left = [other for other in combinations(space) if other not in tried] if 0 < count(space) <= 200 else []
    return left[0] if left else values


def _drawn(space: Space, chance: random.Random) -> Json:
    return {name: choice.draw(chance) if isinstance(choice, Range) else chance.choice(choice)
            for name, choice in space.items()}


def _learned(space: Space, options: SearchOptions, trials: Sequence[Trial], chance: random.Random) -> Json:
    from optuna.samplers import TPESampler

    startup = max(3, min(10, options.trials // 3))
    study = _study(space, options, trials, TPESampler(seed=chance.randrange(2**31), n_startup_trials=startup))
    found = study.ask(_distributions(space)).params
    return {name: _value(choice, found[name]) for name, choice in space.items()}


def _value(choice: Range | list[Any], found: Any) -> Any:
    return choice.nearest(found) if isinstance(choice, Range) else choice[found]


def hopeless(space: Space, options: SearchOptions, trials: Sequence[Trial], trial: Trial) -> str:
    """Why a running trial should end now, in words; "" when it should go on.

    Optuna's rule: the best it has reached is worse than the median of what the finished trials had measured by then.
    """
    from optuna.pruners import MedianPruner

    step = len(trial.measured)
    others = [other.measured[step - 1][1] for other in trials if other.state == "done" and len(other.measured) >= step]
    if not options.prune or not step or not others:
        return ""
    study = _study(space, options, trials)
    pruner = MedianPruner(n_startup_trials=options.prune_startup, n_warmup_steps=options.prune_after)
    if not pruner.prune(study, _frozen(space, trial, options.high)):
        return ""
    epoch, best = trial.measured[-1][0], (trial.best(options.high) or (0.0, 0.0))[1]
    return (f"worse than the median of the others at epoch {epoch:g} "
            f"({options.metric} {best:.4g}, the others {statistics.median(others):.4g})")


def importance(space: Space, options: SearchOptions, trials: Sequence[Trial]) -> dict[str, float]:
    """How much of the difference between finished trials each option explains; the shares sum up to 1, largest first.

    Empty while too few trials are done, or all reached the same. Method: PED-ANOVA, https://arxiv.org/abs/2304.10255.
    """
    done = [trial for trial in trials if trial.state == "done" and trial.measured]
    if len(done) < ENOUGH or len({trial.best(options.high) for trial in done}) < 2:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    found = get_param_importances(_study(space, options, done), evaluator=PedAnovaImportanceEvaluator())
    return {name: round(float(share), 4) for name, share in found.items()}


def _study(space: Space, options: SearchOptions, trials: Sequence[Trial],
           sampler: "optuna.samplers.BaseSampler | None" = None) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if options.high else "minimize", sampler=sampler)
    study.add_trials([_frozen(space, trial, options.high) for trial in trials if _counts(trial)])
    return study


def _counts(trial: Trial) -> bool:
    """Whether a trial says anything about its values; one that was deleted or killed does not."""
    return trial.is_live or trial.at_fault or bool(trial.measured)


def _frozen(space: Space, trial: Trial, high: bool) -> "optuna.trial.FrozenTrial":
    """A trial as optuna knows them. One whose values are at fault counts as given up at once: worse than all others."""
    from optuna.trial import TrialState, create_trial

    complete = trial.state == "done" and trial.measured
    state = TrialState.COMPLETE if complete else TrialState.RUNNING if trial.is_live else TrialState.PRUNED
    values = {} if trial.at_fault else {step: value for step, (_, value) in enumerate(trial.measured, 1)}
    best = trial.best(high)
    return create_trial(state=state, value=best[1] if complete and best else None, intermediate_values=values,
                        params={name: _inner(choice, trial.values[name]) for name, choice in space.items()},
                        distributions=_distributions(space))


def _inner(choice: Range | list[Any], value: Any) -> Any:
    """A value as optuna is told it: choices by their place, so that any kind of value will do."""
    return value if isinstance(choice, Range) else choice.index(value)


def _distributions(space: Space) -> "dict[str, optuna.distributions.BaseDistribution]":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    for name, choice in space.items():
        if isinstance(choice, list):
            found[name] = CategoricalDistribution(range(len(choice)))
        elif choice.whole:
            found[name] = IntDistribution(int(choice.low), int(choice.high), log=choice.log)
        else:
            found[name] = FloatDistribution(choice.low, choice.high, log=choice.log)
    return found
