"""A quick look at a dataset before it is built: what would be found, for a form that is still being filled in."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from digits_core.data import depth
from digits_core.data.depth import Depth
from digits_core.data.entries import Entries
from digits_core.data.pictures import to_png
from digits_core.data.plan import LeaveOut, divide, estimate_bytes
from digits_core.data.planes import ALL
from digits_core.data.pool import Item, Pool
from digits_core.data.recipe import Recipe
from digits_core.data.records import unpack_record
from digits_core.data.sources import Scan, Source
from digits_core.data.video_options import Take
from digits_core.errors import BadData, DigitsError
from digits_core.options import option_fields
from digits_core.tasks import Task

MOST = 20_000
LIMIT_S = 2.0


class _Enough(Exception):
    """The look has taken as long as it may."""


@dataclass
class Preview:
    """What a build with these options would find."""

    labels: list[str] = field(default_factory=list)
    pictures: int = 0
    is_estimate: bool = False
    """The look ended early: numbers are those of the part that was seen, there is more."""
    splits: dict[str, int] = field(default_factory=dict)
    per_class: dict[str, int] = field(default_factory=dict)
    """Pictures found for training by class name."""
    size: int = 0
    """Bytes on disk, rather too much than too little."""
    problems: list[str] = field(default_factory=list)
    """What would stop the build, or deserves a look, in words."""
    example_name: str = ""
    example: dict[str, bytes] = field(default_factory=dict)
    """One picture in every resize mode, as PNG."""


class _Counting(Entries):
    """A list that ends the look when it has grown long enough."""

    def add(self, location: str, label: int = 0, extra: str = "") -> None:
        super().add(location, label, extra)
        if len(self) >= MOST:
            raise _Enough


@dataclass
class _Look(Scan):
    """A scan that remembers its lists, so that they can be used when it ends early."""

    lists: dict[str, Entries] = field(default_factory=dict)
    clips: int = 0

    def entries(self, split: str, base: str = "") -> Entries:
        self.lists[split] = _Counting(self.folder / f"{split}.entries", base, self.known_as)
        return self.lists[split]

    def frames(self, videos: Sequence[str], roots: Sequence[Path]) -> Iterator[list[str] | BadData]:
        """Only the first good video is opened; each counts as one picture."""
        for video in videos:
            self.clips += 1
            yield from [[video]] if self.videos else super().frames([video], roots)


def look(task: Task, options: Any, roots: Sequence[Path], private_hosts: Sequence[str],
         with_example: bool = True, is_part: bool = False, fetch: Callable[[str], None] = lambda location: None
         ) -> Preview:
    """Scan for at most two seconds and 20,000 pictures. Problems are collected, not raised.

    ``is_part``: there is more than can be seen here. ``fetch`` is called with the path of the example first.
    """
    found, deadline = Preview(is_estimate=is_part), time.monotonic() + LIMIT_S
    if getattr(options, "method", "") == "archive":
        return found  # its content is known only when it has been unpacked

    def tick() -> None:
        if time.monotonic() > deadline:
            raise _Enough

    skipped: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="digits-look-") as folder:
        scan = _Look(Path(folder), Path(folder), list(roots), list(private_hosts),
                     lambda path, split, label, reason, bad: skipped.update([reason]), lambda kind, count: None, tick,
                     take=take._replace(most=1) if (take := Take.of(options)) else None)
        try:
            source = _source(task, options, roots, scan, found)
            if scan.clips:
                found.is_estimate = True
                found.problems.append(f"Videos: {scan.clips}. Their frames are counted when the dataset is built.")
                source.roots += [scan.folder] if source.roots else []
            deep = _depth(source, options, private_hosts)
            if with_example:
                if len(source.splits["train"]):
                    fetch(source.splits["train"].location(0))
                _example(task, found, source, _recipe(source, options, deep), private_hosts)
            _describe(found, source, options, lambda path, split, label, reason: skipped.update([reason]),
                      deep.planes)
        except DigitsError as error:
            found.problems.append(str(error))
    found.problems += [f"{count} left out: {reason}." for reason, count in skipped.most_common(5)]
    return found


def _depth(source: Source, options: Any, private_hosts: Sequence[str]) -> Depth:
    if options.channels != ALL or not len(source.splits["train"]):
        return Depth(0, (0.0, 255.0))
    return source.depth or depth.look(source.splits["train"], source.roots, private_hosts, 2)


def _source(task: Task, options: Any, roots: Sequence[Path], scan: _Look, found: Preview) -> Source:
    try:
        source: Source = resolve_name(task.source)(options, roots, scan)
        return source
    except _Enough:
        found.is_estimate = True
        if scan.known is not None:
            return scan.known
        known = {split: entries for split, entries in scan.lists.items() if len(entries)}
        highest = max((int(entries.labels.max()) for entries in known.values()), default=-1)
        labels = scan.labels or [str(number) for number in range(highest + 1)]
        return Source(labels, {"train": Entries(scan.folder / "none"), **known}, list(roots),
                      classified=not task.target)


def _describe(found: Preview, source: Source, options: Any, leave_out: LeaveOut, planes: int) -> None:
    train = source.splits["train"]
    counts = Counter(int(label) for label in train.labels)
    found.labels = list(source.labels)
    if source.classified:
        found.per_class = {source.labels[label]: count for label, count in sorted(counts.items())}
    found.pictures = sum(len(entries) for entries in source.splits.values())
    if found.is_estimate:  # some classes were not looked into yet, so a plan would leave them out
        shares = {"val": options.val_percent, "test": options.test_percent}
        found.splits = {name: len(entries) for name, entries in source.splits.items()}
        found.splits |= {name: round(len(train) * share / 100) for name, share in shares.items()
                         if name not in source.splits and share}
        found.splits["train"] -= sum(found.splits[name] for name in found.splits if name not in source.splits)
    else:
        plan = divide(source, options, leave_out)
        found.labels, found.splits = plan.labels, {name: len(part.order) for name, part in plan.parts.items()}
    recipe = _recipe(source, options, Depth(planes, (0.0, 255.0)))
    found.size = estimate_bytes(recipe.stored, recipe.pixels, sum(found.splits.values()))


def _recipe(source: Source, options: Any, found: Depth) -> Recipe:
    width, height = source.size or (0, 0)
    if not source.exact:
        width, height = options.width or width, options.height or height
    return Recipe(options.channels, width, height,
                  source.resize_mode or options.resize_mode, "png", 90, [str(root.resolve()) for root in source.roots],
                  planes=found.planes, span=found.span, more=source.more)


def _example(task: Task, found: Preview, source: Source, recipe: Recipe, private_hosts: Sequence[str]) -> None:
    train = source.splits["train"]
    if not len(train) or not recipe.width:
        return
    item = Item(train.location(0), train.name(train.location(0)), 0, train.extra(0))
    found.example_name = item.name
    recipe = replace(recipe, private_hosts=list(private_hosts), limit_s=5.0, example=task.example)
    with Pool(recipe, 1) as pool:
        for mode in next(field.choices for field in option_fields(task.dataset_options) if field.name == "resize_mode"):
            own = source.resize_mode if source.resize_mode.startswith(mode) else mode
            pool.use(replace(recipe, resize_mode=own))
            [outcome] = pool.outcomes([item])
            if outcome.record is None:
                found.problems.append(f"{item.name} {outcome.reason}.")
                return
            record = unpack_record(bytes(outcome.record))
            pixels = record.pixels()
            if task.drawing:
                facts = {"labels": source.labels, "details": source.more}
                pixels = resolve_name(task.drawing)(pixels, record.target and record.target.array(), facts)
            found.example[mode] = to_png(pixels)
