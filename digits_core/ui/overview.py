"""The live part of Home: four numbers, and one row for each job that runs now."""

from collections.abc import Sequence

import streamlit as st

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.jobs import devices
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.scheduler import waiting_reasons
from digits_core.jobs.store import JobView
from digits_core.services import jobs
from digits_core.services.sweeps import split_name
from digits_core.services.workspace import Workspace
from digits_core.ui import badges, session
from digits_core.ui.text import number, percent, plain, plural, short, size, three_digits

HISTORY = 60


def metrics(workspace: Workspace, views: Sequence[JobView]) -> None:
    """One line of four numbers."""
    running = [view for view in views if view.status.is_live]
    waiting = [view for view in views if view.status is Status.WAITING]
    with st.grid(4, border=True, gap="small", min_column_width=150):
        st.metric("Running", len(running), icon=":material/play_circle:")
        st.metric("Waiting", len(waiting), icon=":material/hourglass_empty:")
        _gpus(running)
        free = files.free_bytes(workspace.store.root)
        st.metric("Disk free", size(free), icon=":material/hard_drive:")


def _gpus(running: Sequence[JobView]) -> None:
    cards = devices.gpus()
    if not cards:
        st.metric("Processors", devices.cpu_count(), icon=":material/memory:",
                  help="This machine has no NVIDIA GPU; trainings run on the CPU.")
        return
    taken = {uuid for view in running for uuid in view.devices}
    free = sum(card.uuid not in taken for card in cards)
    history = st.session_state.setdefault("home.gpu", [])
    history.append(sum(card.utilisation or 0 for card in cards) / len(cards))
    del history[:-HISTORY]
    st.metric("GPUs free", f"{free} / {len(cards)}", icon=":material/memory:",
              chart_data=history if len(history) > 1 else None, help="The line is their utilisation.")


def running_now(workspace: Workspace, views: Sequence[JobView]) -> None:
    """One row for each live job: what, how far, its loss, how long still, and a way to stop it."""
    live = [view for view in views if view.status.is_live]
    st.subheader("Running now", anchor=False)
    if not live:
        waiting = sum(view.status is Status.WAITING for view in views)
        st.caption(f"{plural(waiting, 'job')} will start in a moment." if waiting else "Nothing is running.")
    for view in live:
        _row(workspace, view)


def _row(workspace: Workspace, view: JobView) -> None:
    progress = view.progress
    with st.container(border=True, key=f"running.{view.id}"):
        name, bar, loss, end, stop = st.columns([3, 4, 2, 1.4, 1], vertical_alignment="center")
        with name.container(gap="xxsmall"):
            major, minor = split_name(view.name)
            st.page_link("job.py", label=f"**{plain(major)}**", icon=badges.kind_icon(view),
                         query_params={"id": view.id})
            st.caption(" · ".join(plain(part) for part in (minor, view.job.kind, view.job.owner) if part))
            if view.status is Status.STALLED:
                badges.state(view)
        bar.progress(min(1.0, max(0.0, progress.done)), text=how_far(view))
        if points := losses(workspace, view):
            loss.metric("Loss", three_digits(points[-1]), chart_data=points, delta_color="off",
                        label_visibility="collapsed")
        end.markdown(f":gray[:small[time left]]  \n"
                     f"{short(None if view.status is Status.STALLED else number(progress.eta_s))}")
        if stop.button("Stop", key=f"running.stop.{view.id}", icon=":material/stop_circle:", type="tertiary"):
            try:
                jobs.stop(workspace, session.user(), view.id)
            except DigitsError as error:
                st.error(plain(error))


def how_far(view: JobView) -> str:
    """Share, phase, epoch and speed in a line."""
    progress = view.progress
    parts = [percent(progress.done)]
    if progress.phase:
        parts.append(plain(progress.phase))
    if (epoch := number(progress.epoch)) is not None:
        total = number(view.job.options.get("epochs"))
        parts.append(f"epoch {epoch:.1f}" + (f" of {total:.0f}" if total else ""))
    if (rate := number(progress.rate)) is not None:
        parts.append(f"{three_digits(rate)} {plain(progress.unit)}/s")
    return " · ".join(parts)


def bar(workspace: Workspace, view: JobView) -> None:
    """Progress of a job that is not over: how far it is, or why it waits."""
    if view.status.is_live:
        st.progress(min(1.0, max(0.0, view.progress.done)), text=how_far(view))
        return
    cards = [card.uuid for card in devices.gpus()]
    why = waiting_reasons(workspace.store, workspace.settings, cards).get(view.id, "")
    st.info(plain(why or "Starts in a moment."), icon=":material/hourglass_empty:")


def losses(workspace: Workspace, view: JobView, points: int = 60) -> list[float]:
    """The training loss so far, thinned for a small line."""
    if view.job.kind is not Kind.MODEL:
        return []
    rows, _ = jobs.metrics(workspace, view.id)
    values = [value for row in rows if (value := number(row.get("train/loss"))) is not None]
    return values[:: max(1, len(values) // points)] + values[-1:]


def stamp(views: Sequence[JobView]) -> dict[str, str]:
    """What must change for the tables to be drawn again."""
    return {view.id: badges.word(view) for view in views}


def maybe(workspace: Workspace, job_id: str) -> JobView | None:
    """A job that may have been deleted meanwhile."""
    try:
        return workspace.store.get(job_id)
    except DigitsError:
        return None
