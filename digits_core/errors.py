"""Every error a user can act on. Anything else that escapes is a bug and shows its traceback.

DigitsError                 its text is shown as it is: what, where, why, what to do
|-- NotFound                no such job, file, class or checkpoint
|-- NotAllowed              this user may not do this to this job
|-- InvalidOptions          one or more fields are wrong; all problems at once
|-- InUse                   another job needs it
|-- BadState                the job is not in a state where this makes sense
|-- BadData                 pictures, lists, archives or weights that cannot be used
`-- Unsafe                  a path, address or archive that leaves its bounds
"""

from typing import NamedTuple


class DigitsError(Exception):
    """Base of all errors whose text is meant for the person at the screen."""


class NotFound(DigitsError):
    """No such job, file, class or checkpoint."""


class NotAllowed(DigitsError):
    """The user may not do this to this job."""


class InUse(DigitsError):
    """Another job needs the thing that was to be changed or deleted."""


class BadState(DigitsError):
    """The job's status does not allow the action."""


class BadData(DigitsError):
    """Pictures, lists, archives or weights that cannot be used."""


class Unsafe(DigitsError):
    """A path, address or archive that leaves its bounds."""


class Problem(NamedTuple):
    """One thing wrong with one field, in the user's words; ``field`` is empty when it concerns the whole form."""

    field: str
    message: str


class InvalidOptions(DigitsError):
    """All problems of a form, a REST body or a command line, reported together."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems))

    def by_field(self) -> dict[str, list[str]]:
        """Messages grouped by field, the shape that the REST API answers with."""
        grouped: dict[str, list[str]] = {}
        for problem in self.problems:
            grouped.setdefault(problem.field, []).append(problem.message)
        return grouped
