"""Jobs as table rows, and the one way a table of jobs looks and is clicked."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from digits_core import files
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.networks import title
from digits_core.services.sweeps import split_name
from digits_core.tasks import measures
from digits_core.ui import badges
from digits_core.ui.text import number, short

Row = dict[str, Any]


def dataset_row(view: JobView) -> Row:
    """Key figures of a dataset."""
    summary = figures(view)
    return {**_common(view), "pictures": number(summary.get("pictures")), "classes": number(summary.get("classes")),
            **_rest(view)}


def model_row(view: JobView) -> Row:
    """Key figures of a training or an imported model."""
    summary = figures(view)
    network = str(summary.get("network") or view.job.options.get("network") or "")
    return {**_common(view), "network": title(network), "result": result(view),
            "epochs": number(summary.get("epochs") or view.job.options.get("epochs")), **_rest(view)}


def inference_row(view: JobView) -> Row:
    """Key figures of a batch of classified pictures."""
    summary = figures(view)
    return {**_common(view), "pictures": number(summary.get("pictures")), "result": result(view), **_rest(view)}


def other_row(view: JobView) -> Row:
    """Any other job: what it makes, instead of key figures."""
    common = _common(view)
    return {**{name: common[name] for name in ("open", "state")}, "kind": str(view.job.kind), **common, **_rest(view)}


def result(view: JobView) -> float | None:
    """What a job reached by its task's own measure, in percent; None until there is one that is a share."""
    goal = measures(view.job.task)[0]
    value = number(figures(view).get(goal.name))
    return 100 * value if value is not None and goal.share else None


def figures(view: JobView) -> Row:
    """Key figures of a job that is over, from what the list has read already."""
    summary = (view.attempt.result or {}).get("summary") if view.attempt else None
    return summary if isinstance(summary, dict) else {}


def _common(view: JobView) -> Row:
    major, minor = split_name(view.name)
    return {"open": "Open", "state": [badges.word(view)], "name": major, "sweep": minor, "group": view.group}


def _rest(view: JobView) -> Row:
    ended = view.ended if view.status.is_final else datetime.now(UTC).timestamp()
    elapsed = ended - view.started if view.started and ended else None
    return {"elapsed": short(elapsed) if elapsed is not None and elapsed >= 0 else "", "size": disk_bytes(view),
            "owner": view.job.owner, "created": _moment(view.job.created), "id": view.id}


def _moment(seconds: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC) if seconds else None  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def disk_bytes(view: JobView) -> int:
    """Bytes of the job's folder; counted again every half minute, and seldom once the job is over."""
    path, newest = str(view.folder.path), view.attempt.number if view.attempt else 0
    return _final_bytes(path, newest) if view.status.is_final else _bytes(path)


@st.cache_data(ttl=30, max_entries=1000, show_spinner=False)
def _bytes(path: str) -> int:
    return files.folder_bytes(Path(path))


@st.cache_data(ttl=900, max_entries=20_000, show_spinner=False)
def _final_bytes(path: str, attempt: int) -> int:
    return files.folder_bytes(Path(path))


COLUMNS = {
    "state": st.column_config.MultiselectColumn(
        "State", width=100, options=[*map(str, Status), "stopping"],
        color=[*(badges.HEX[status] for status in Status), badges.HEX[Status.STOPPED]]),
    "kind": st.column_config.TextColumn("Kind"),
    "name": st.column_config.TextColumn("Name", width="large"),
    "sweep": st.column_config.TextColumn("Settings", help="What a sweep gave this one."),
    "group": st.column_config.TextColumn("Group"),
    "pictures": st.column_config.NumberColumn("Pictures", format="localized"),
    "classes": st.column_config.NumberColumn("Classes", format="localized"),
    "network": st.column_config.TextColumn("Network"),
    "result": st.column_config.NumberColumn("Result", format="%.2f %%", help="Of the best epoch, on validation: "
                                            "accuracy of a classifier, mean IoU of a segmentation, and so on."),
    "epochs": st.column_config.NumberColumn("Epochs", format="localized"),
    "elapsed": st.column_config.TextColumn("Elapsed", alignment="right"),
    "size": st.column_config.NumberColumn("Size", format="bytes"),
    "owner": st.column_config.TextColumn("Owner"),
    "created": st.column_config.DatetimeColumn("Created", format="distance"),
    "id": None,
}


def height(rows: int, most: int = 15) -> Any:
    """A table as high as its rows, up to ``most`` of them."""
    return "content" if rows <= most else 35 * most


def matching(views: Iterable[JobView], words: str) -> list[JobView]:
    """Jobs in whose name, group, owner, id, kind, state, network or notes every word occurs."""
    wanted = words.lower().split()
    return [view for view in views if all(word in _haystack(view) for word in wanted)]


def _haystack(view: JobView) -> str:
    options, named = view.job.options, (Kind.DATASET, Kind.MODEL, Kind.PRETRAINED)
    kind = "" if view.job.kind in named else view.job.kind  # their tables say it
    return " ".join(map(str, (view.name, view.group, view.job.owner, view.id, view.status, kind,
                              options.get("network", ""), view.notes.get("notes", "")))).lower()


def jobs(views: list[JobView], row: Callable[[JobView], Row], key: str) -> list[str]:
    """Draw a table of jobs; a click on Open goes to the job. Returns the ids of the selected rows."""
    frame = pd.DataFrame([row(view) for view in views])
    if not frame["sweep"].any():
        frame = frame.drop(columns="sweep")
    if frame["group"].nunique() == 1:  # nothing to tell apart: no groups, or a table of one group
        frame = frame.drop(columns="group")

    def opened() -> None:
        st.session_state["jobs.open"] = views[st.session_state[f"{key}.open"]["row"]].id

    config = {**COLUMNS, "open": st.column_config.ButtonColumn("", type="tertiary", width=60, on_click=opened,
                                                               key=f"{key}.open")}
    event = st.dataframe(frame, hide_index=True, column_config=config, key=key, on_select="rerun",
                         selection_mode="multi-row", height=height(len(views)), placeholder="–")
    st.session_state.setdefault("jobs.tables", {})[key] = len(views)
    if job_id := st.session_state.pop("jobs.open", ""):
        st.switch_page("job.py", query_params={"id": job_id})
    return [views[i].id for i in event["selection"]["rows"] if i < len(views)]


def select(others: bool) -> None:
    """Select exactly the other rows of the tables on this page, or none. A button's callback."""
    for key, count in st.session_state.get("jobs.tables", {}).items():
        held = set(st.session_state[key]["selection"]["rows"]) if key in st.session_state else set()
        st.session_state[key] = {"selection": {"rows": [row for row in range(count) if others and row not in held],
                                               "columns": [], "cells": []}}


def grouped(views: list[JobView], row: Callable[[JobView], Row], key: str, group: bool = True) -> list[str]:
    """The same, one table a group with the ungrouped ones last; one plain table when there are no groups."""
    st.session_state["jobs.tables"] = {}
    names = sorted({view.group for view in views if view.group}, key=str.casefold) if group else []
    if not names:
        return jobs(views, row, key) if views else []
    picked = []
    for name in [*names, ""]:
        members = [view for view in views if view.group == name]
        if members:
            with st.container(gap="xsmall", key=f"{key}.group.{names.index(name) if name else 'rest'}"):
                st.text(f"{name or 'Ungrouped'}  ({len(members)})")
                picked += jobs(members, row, f"{key}.{name or ' '}")
    return picked
