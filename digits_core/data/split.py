"""Which picture goes into which split: pure, seeded, by class."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


class Chosen(NamedTuple):
    """Positions by class: ``kept`` in their old order, and those that the minimum or the maximum leaves out."""

    kept: Indices
    too_few: Indices
    too_many: Indices


def choose(labels: Indices, minimum: int, maximum: int | None, seed: int) -> Chosen:
    """Leave out classes with fewer than ``minimum`` pictures, and of the others a random choice over ``maximum``."""
    generator = np.random.default_rng([seed, 1])
    kept, few, many = [], [], []
    for positions in by_class(labels):
        if len(positions) < minimum:
            few.append(positions)
        elif maximum is not None and len(positions) > maximum:
            order = generator.permutation(positions)
            kept.append(order[:maximum])
            many.append(order[maximum:])
        else:
            kept.append(positions)
    return Chosen(*(np.sort(np.concatenate([*parts, np.empty(0, np.int64)])) for parts in (kept, few, many)))


def by_class(labels: Indices) -> list[Indices]:
    """Positions of each class that occurs, in order of labels."""
    order = np.argsort(labels, kind="stable")
    edges = np.flatnonzero(np.diff(labels[order])) + 1
    return [part.astype(np.int64) for part in np.split(order, edges)] if len(labels) else []


def split(labels: Indices, shares: Mapping[str, float], seed: int, stratified: bool = True) -> dict[str, Indices]:
    """Positions for "train" and for every name in ``shares`` (percent of the whole), each shuffled.

    Stratified: every class is divided by itself; a share above 0 gets at least one picture of each class while
    train keeps one. Otherwise all are divided at once. Every position lands in exactly one split.
    """
    generator = np.random.default_rng([seed, 2])
    groups = by_class(labels) if stratified else [np.arange(len(labels))]
    parts: dict[str, list[Indices]] = {name: [] for name in ("train", *shares)}
    for group in groups:
        order, start = generator.permutation(group), 0
        for name, size in zip(shares, sizes(len(group), list(shares.values())), strict=True):
            parts[name].append(order[start:start + size])
            start += size
        parts["train"].append(order[start:])
    return {name: generator.permutation(np.concatenate([*part, np.empty(0, np.int64)])) for name, part in parts.items()}


def split_together(labels: Indices, groups: Indices, shares: Mapping[str, float], seed: int, stratified: bool = True
                   ) -> dict[str, Indices]:
    """As ``split``, but entries with the same number in ``groups`` land in the same split.

    A group counts for the class that most of it has. Of each class (stratified) so many groups go into a share that
    its entries come nearest to the percentage; at least one group while train keeps one.
    """
    generator = np.random.default_rng([seed, 2])
    members = by_class(groups)
    sizes_G = np.array([len(group) for group in members])
    class_G = np.array([np.bincount(labels[group]).argmax() for group in members])
    parts: dict[str, list[Indices]] = {name: [] for name in ("train", *shares)}
    for stratum in by_class(class_G) if stratified else [np.arange(len(members))]:
        order = list(generator.permutation(stratum))
        total = sizes_G[stratum].sum()
        for name, percent in shares.items():
            wanted, got = total * percent / 100, 0
            while len(order) > 1 and percent > 0 and (not got or got + sizes_G[order[0]] / 2 <= wanted):
                got += sizes_G[order[0]]
                parts[name].append(members[order.pop(0)])
        parts["train"] += [members[group] for group in order]
    return {name: generator.permutation(np.concatenate([*part, np.empty(0, np.int64)])) for name, part in parts.items()}


def sizes(count: int, percents: list[float]) -> list[int]:
    """How many of ``count`` each share gets: rounded, at least one while one is left over for the rest."""
    found: list[int] = []
    for percent in percents:
        room = count - 1 - sum(found)
        found.append(max(0, min(room, max(1, round(count * percent / 100)))) if percent > 0 else 0)
    return found


def shuffled(count: int, seed: int) -> Indices:
    """A seeded order of ``count`` entries."""
    return np.random.default_rng([seed, 3]).permutation(count)
