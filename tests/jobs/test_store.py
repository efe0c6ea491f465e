"""Job folders: made whole, read whatever they hold, moved to the trash and back."""

from collections.abc import Callable

import pytest

from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView


@pytest.mark.parametrize("kind", list(Kind))
def test_a_finished_job_of_each_kind_is_read_as_done(kind: Kind, finished_job: Callable[..., JobView]) -> None:
    view = finished_job(kind)
    assert (view.status, view.job.kind, view.progress.done) == (Status.DONE, kind, 1.0)
