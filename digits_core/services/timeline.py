"""The timeline that a training made of some of its steps."""

from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import NotFound
from digits_core.jobs.model import Kind, number
from digits_core.jobs.store import JobView
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


def trace_file(workspace: Workspace, job_id: str) -> Path:
    """The trace as gzipped JSON, which Perfetto and chrome://tracing open. Raises NotFound when none was made."""
    view = of_kind(workspace, job_id, Kind.MODEL)
    path = view.folder.path / "trace" / "trace.json.gz"
    if not path.is_file():
        raise NotFound(f"'{view.name}' has no timeline. Train with 'Trace steps' above 0 to get one; it is there as "
                       "soon as those steps are done.")
    return path


def operators(view: JobView) -> Json:
    """The slowest operators, each with calls, cpu_ms and gpu_ms, and how many steps were watched; else empty."""
    found = files.read_json(view.folder.path / "trace" / "operators.json") or {}
    rows = found.get("operators")
    good = [{"name": str(row.get("name", "")), **{key: number(row.get(key)) or 0.0
                                                  for key in ("calls", "cpu_ms", "gpu_ms")}}
            for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {"steps": number(found.get("steps")) or 0.0, "first_step": number(found.get("first_step")) or 0.0,
            "operators": good} if good else {}
