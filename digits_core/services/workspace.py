"""The two things every service needs: what this server may do, and where the jobs are."""

from dataclasses import dataclass, replace

from digits_core import files
from digits_core.jobs.store import JobStore
from digits_core.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """Settings and job store of one jobs folder. Cheap; every process makes its own."""

    settings: Settings
    store: JobStore

    @classmethod
    def open(cls, settings: Settings | None = None) -> "Workspace":
        """The workspace of these settings (the environment's by default); makes the jobs folder when missing.

        Raises InvalidOptions for settings that make no sense, NotWritable for a jobs folder that cannot be made.
        """
        settings = settings or Settings.load()
        store = JobStore(settings.jobs_dir, settings.stall_s)
        try:
            store.prepare()
        except OSError as error:
            raise files.NotWritable(f"The jobs folder {settings.jobs_dir} cannot be used: {error.strerror}. Point "
                                    "DIGITS_JOBS_DIR at a folder of yours.") from error
        return cls(settings, store)

    def reserved(self, job_id: str) -> "Workspace":
        """The same workspace, but the next job that is made in it gets this id."""
        return replace(self, store=ReservedStore(self.store, job_id))


class ReservedStore(JobStore):
    """A store whose next job gets the id that was reserved for it: what is done again after a crash makes no second."""

    def __init__(self, store: JobStore, job_id: str) -> None:
        super().__init__(store.root, store.stall_s)
        self.reserved = job_id

    def new_id(self, now: float | None = None) -> str:
        """The reserved id, each time."""
        return self.reserved
