"""The two things every service needs: what this server may do, and where the jobs are."""

from dataclasses import dataclass

from digits_core.jobs.store import JobStore
from digits_core.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """Settings and job store of one jobs folder. Cheap; every process makes its own."""

    settings: Settings
    store: JobStore

    @classmethod
    def open(cls, settings: Settings | None = None) -> "Workspace":
        """The workspace of these settings (the environment's by default); makes the jobs folder when missing."""
        settings = settings or Settings.load()
        store = JobStore(settings.jobs_dir, settings.stall_s)
        store.prepare()
        return cls(settings, store)
