"""The files of a search, in the jobs folder under ``.searches/ID/``.

``search.json`` says what was asked, once. ``trials.jsonl`` grows by {"number", "id", "values"} before a trial's job is
made and by {"number", "made"} or {"number", "refused"} after it; only the leading scheduler writes there, holding the
lock. ``state.json`` is what people changed since: {"stopped", "by", "why", "trials", "since"}. ``importance.json`` is
what mattered in the trials that were done when it was written: {"done", "shares"}.
"""

import shutil
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock

from digits_core import files
from digits_core.errors import BadData, NotFound
from digits_core.jobs.model import ID_PATTERN, number
from digits_core.jobs.store import JobStore
from digits_core.options import Options, check
from digits_core.search.options import SearchOptions
from digits_core.search.space import Space, space_of

Json = dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What was asked for; never changes."""

    id: str
    name: str
    group: str
    owner: str
    created: float
    dataset: str
    task: str
    options: Json
    """Of the trainings; those that are searched hold a list or a range as text."""
    search: Json
    trials: int
    """How many there are to be; more may be asked for later."""
    v: int = field(default=1)

    @cached_property
    def how(self) -> SearchOptions:
        """Its own options, checked."""
        return check(SearchOptions, self.search)

    def space(self, cls: type[Options]) -> Space:
        """What may be chosen."""
        return space_of(cls, self.options)


class SearchFolder:
    """Paths of one search, and its rows."""

    def __init__(self, store: JobStore, search_id: str) -> None:
        self.path = store.root / ".searches" / search_id
        self.id = search_id

    @property
    def rows_file(self) -> Path:
        return self.path / "trials.jsonl"

    def lock(self) -> filelock.FileLock:
        """Held while trials are made, and while somebody stops or resumes the search."""
        return filelock.FileLock(self.path / "lock", thread_local=False)

    def read(self) -> Search:
        """What was asked. Raises NotFound when there is no such search, or its file is damaged."""
        content = files.read_json(self.path / "search.json") if ID_PATTERN.fullmatch(self.id) else None
        try:
            found = Search(**(content or {}))
        except TypeError:
            raise NotFound(f"There is no search {self.id[:40]!r}. It may have been deleted.") from None
        if not isinstance(found.options, dict) or not isinstance(found.search, dict) or number(found.trials) is None:
            raise BadData(f"The file search.json of search {self.id} is damaged.")
        return found

    def create(self, search: Search) -> None:
        """Make it known; it begins with the next step of the leading scheduler."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_once(self.path / "search.json", asdict(search))

    def state(self) -> Json:
        """What people changed since."""
        return files.read_json(self.path / "state.json") or {}

    def change(self, **values: Any) -> None:
        """Change the state. Hold the lock."""
        files.write_atomic(self.path / "state.json", {**self.state(), **values})

    def importance(self) -> tuple[int, dict[str, float]]:
        """Of how many done trials, and the share of each option, largest first."""
        content = files.read_json(self.path / "importance.json") or {}
        shares = content.get("shares")
        good = {name: share for name, share in (shares if isinstance(shares, dict) else {}).items()
                if number(share) is not None}
        return int(number(content.get("done")) or 0), good

    def keep_importance(self, done: int, shares: dict[str, float]) -> None:
        """Remember it: pages need not count then. Hold the lock."""
        files.write_atomic(self.path / "importance.json", {"done": done, "shares": shares})

    def rows(self) -> list[Json]:
        """One row a trial, by number, with everything that is known of it. A damaged line is passed over."""
        found: dict[int, Json] = {}
        for row in files.read_jsonl(self.rows_file)[0]:
            count = number(row.get("number"))
            if count is not None and isinstance(row.get("values"), dict) \
                    and ID_PATTERN.fullmatch(str(row.get("id"))):
                found[int(count)] = row  # a line that a crash cut off and the next writer closed: the later one counts
            elif count is not None and int(count) in found:
                found[int(count)] |= row
        return [found[count] for count in sorted(found)]

    def add(self, row: Json) -> None:
        """Write a row down. Hold the lock."""
        files.append_jsonl(self.rows_file, row)

    def stamp(self) -> tuple[int, ...]:
        """Changes when the search does."""
        return tuple(_changed(self.path / name) for name in ("state.json", "trials.jsonl"))

    def delete(self) -> None:
        """Forget it; the jobs of its trials stay."""
        gone = self.path.with_name(f".gone-{self.id}")
        self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _changed(path: Path) -> int:
    try:
        facts = path.stat()
    except OSError:
        return 0
    return facts.st_mtime_ns + facts.st_size


def search_ids(store: JobStore) -> list[str]:
    """All searches, newest first."""
    try:
        names = [path.name for path in (store.root / ".searches").iterdir() if ID_PATTERN.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(names, reverse=True)
