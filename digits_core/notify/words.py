"""What a notification says."""

from typing import Any

from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.settings import Settings

Json = dict[str, Any]
EVENTS = {Status.DONE: "done", Status.FAILED: "failed", Status.STALLED: "stalled"}
_VERBS = {"done": "is done", "failed": "has failed", "stalled": "is stalled", "test": "would be told like this"}


def message(view: JobView, event: str, settings: Settings) -> Json:
    """The JSON that a webhook gets; ``text`` is what Slack and Mattermost show, and what a mail holds."""
    figures = {name: value for name, value in view.folder.summary().items()
               if isinstance(value, int | float) and not isinstance(value, bool)}
    address = f"{settings.page.rstrip('/')}/job?id={view.id}" if settings.page else ""
    about = {"id": view.id, "kind": str(view.job.kind), "name": view.name, "owner": view.job.owner,
             "status": str(view.status), "reason": view.state.reason, "try": view.state.try_next}
    return _filled(event, about, figures, address, settings)


def trial(settings: Settings) -> Json:
    """A message about nothing, to see whether messages arrive."""
    about = {"id": "", "kind": "job", "name": "Test", "owner": "", "status": "test", "try": "",
             "reason": "This is a test; no job needs you."}
    return _filled("test", about, {}, settings.page, settings)


def _filled(event: str, about: Json, figures: Json, address: str, settings: Settings) -> Json:
    lines = [subject(event, about, settings), about["reason"], about["try"],
             ", ".join(f"{name} {value:.4g}" for name, value in figures.items()), address]
    return {"text": _unmarked("\n".join(line for line in lines if line)), "event": event, "job": about,
            "metrics": figures, "url": address, "server": settings.server_name}


def subject(event: str, about: Json, settings: Settings) -> str:
    """One line: which job of which server, and what happened."""
    name = " ".join(str(about["name"]).split())
    return f"[{settings.server_name}] {about['kind']} '{name}' {_VERBS[event]}"


def _unmarked(text: str) -> str:
    """Without what chat programs read as commands: ``<!channel>`` in a job's name must call nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
