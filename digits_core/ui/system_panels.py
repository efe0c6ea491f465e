"""The machine on the screen: GPUs, queue, disk by job, trash, versions, extensions, the doctor's findings."""

from typing import Any

import pandas as pd
import streamlit as st

from digits_core import plugins
from digits_core.jobs.scheduler import waiting_reasons
from digits_core.jobs.store import JobView
from digits_core.services import doctor, jobs, notify, system
from digits_core.services.workspace import Workspace
from digits_core.ui import badges, bulk, job_parts, session
from digits_core.ui.tables import disk_bytes, height
from digits_core.ui.text import age, number, plain, plural, size

Json = dict[str, Any]


def machine(workspace: Workspace, facts: Json) -> None:
    """Processors, memory, disk, scheduler; and each GPU with the job that holds it."""
    memory, disk = facts["memory"], facts["disk"]
    with st.grid(4, border=True, gap="small", min_column_width=150):
        st.metric("Processors", facts["cpu"]["count"], delta=f"load {facts['cpu']['load']:.1f}", delta_color="off",
                  delta_arrow="off")
        st.metric("Memory free", size(memory["available"]), delta=f"of {size(memory['total'])}", delta_color="off",
                  delta_arrow="off")
        st.metric("Disk free", size(disk["free"]), delta=f"of {size(disk['total'])}", delta_color="off",
                  delta_arrow="off", help=plain(disk["folder"]))
        st.metric("Scheduler", "runs" if facts["scheduler"] else "stands still",
                  delta=f"{len(facts['running'])} running", delta_color="off", delta_arrow="off")
    st.subheader("GPUs", anchor=False)
    if not facts["gpus"]:
        st.caption("No NVIDIA GPU was found; trainings run on the CPU.")
    with st.grid(3, border=True, gap="small", min_column_width=260):
        for card in facts["gpus"]:
            with st.container(gap="xxsmall"):
                _card(workspace, card)
    st.subheader("Queue", anchor=False)
    queue(workspace, facts)


def _card(workspace: Workspace, card: Json) -> None:
    st.markdown(f"**{card['index']} · {plain(card['name'])}**")
    st.progress(card["memory_used"] / max(1, card["memory_total"]),
                text=f"{size(card['memory_used'])} of {size(card['memory_total'])}")
    parts = [f"{value} {unit}" for name, unit in (("utilisation", "%"), ("temperature", "°C"))
             if (value := card.get(name)) is not None]
    st.caption(" · ".join(parts))
    if card.get("job"):
        with session.shown():
            job_parts.link(workspace.store.get(card["job"]))
    else:
        st.badge("free", color="green")


def queue(workspace: Workspace, facts: Json) -> None:
    """Waiting jobs in their order, each with the reason, and two buttons to move it."""
    reasons = waiting_reasons(workspace.store, workspace.settings, [card["uuid"] for card in facts["gpus"]])
    if not reasons:
        st.caption("Nothing waits.")
    order = list(reasons)
    for place, job_id in enumerate(order):
        with session.shown():
            _queued(workspace, workspace.store.get(job_id), reasons[job_id], order, place)


def _queued(workspace: Workspace, view: JobView, reason: str, order: list[str], place: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True, gap="small"):
        st.markdown(f"**{place + 1}**", width="content")
        st.page_link("job.py", label=plain(view.name), icon=badges.kind_icon(view), query_params={"id": view.id})
        st.caption(plain(reason), width="stretch")
        if st.button("", icon=":material/arrow_upward:", key=f"queue.up.{view.id}", help="Earlier", disabled=not place):
            _move(workspace, view, order[place - 1], +1)
        if st.button("", icon=":material/arrow_downward:", key=f"queue.down.{view.id}", help="Later",
                     disabled=place == len(order) - 1):
            _move(workspace, view, order[place + 1], -1)


def _move(workspace: Workspace, view: JobView, other: str, step: int) -> None:
    """Past its neighbour: one more or one less than what that one has."""
    beside = number(workspace.store.get(other).notes.get("priority")) or 0.0
    with session.shown():
        jobs.edit(workspace, session.user(), view.id, priority=beside + step)
        st.rerun()


def disk(views: list[JobView]) -> None:
    """What each job takes, the largest first."""
    rows = [{"name": view.name, "kind": str(view.job.kind), "state": badges.word(view), "size": disk_bytes(view),
             "owner": view.job.owner, "open": "Open"} for view in views]
    order = sorted(range(len(rows)), key=lambda i: -rows[i]["size"])
    st.caption(f"{plural(len(rows), 'job')}, {size(sum(row['size'] for row in rows))}")

    def opened() -> None:
        st.session_state["jobs.open"] = views[order[st.session_state["disk.open"]["row"]]].id

    if rows:
        st.dataframe(pd.DataFrame([rows[i] for i in order]), hide_index=True, key="system.disk", height=height(
            len(rows)), column_config={
                "name": st.column_config.TextColumn("Name", width="large"), "kind": "Kind", "state": "State",
                "size": st.column_config.NumberColumn("Size", format="bytes"), "owner": "Owner",
                "open": st.column_config.ButtonColumn("", type="tertiary", on_click=opened, key="disk.open")})
    if job_id := st.session_state.pop("jobs.open", ""):
        st.switch_page("job.py", query_params={"id": job_id})


def trash(workspace: Workspace) -> None:
    """Deleted jobs: bring one back, or make its space free for good."""
    views = workspace.store.trashed()
    if not views:
        st.caption("The trash is empty.")
        return
    total = sum(disk_bytes(view) for view in views)
    if st.button(f"Empty the trash ({size(total)})", icon=":material/delete_forever:", key="trash.empty"):
        purge_dialog(workspace, [view.id for view in views], total)
    for view in views:
        with st.container(horizontal=True, vertical_alignment="center", border=True, gap="small"):
            st.text(view.name, width="stretch")
            st.caption(f"{view.job.kind} · {size(disk_bytes(view))} · made {age(view.job.created)}", width="content")
            if st.button("Restore", icon=":material/undo:", key=f"trash.restore.{view.id}"):
                with session.shown():
                    jobs.restore(workspace, session.user(), view.id)
                    st.rerun()
            if st.button("", icon=":material/delete_forever:", key=f"trash.purge.{view.id}", help="Delete for good"):
                purge_dialog(workspace, [view.id], disk_bytes(view))


@st.dialog("Delete for good", icon=":material/delete_forever:")
def purge_dialog(workspace: Workspace, ids: list[str], amount: float) -> None:
    """The last question: this cannot be undone."""
    st.markdown(f"{plural(len(ids), 'job')} will be gone for good; {size(amount)} become free. "
                "This cannot be undone.")

    def confirmed() -> None:
        bulk.remember(jobs.bulk(jobs.purge, workspace, session.user(), ids), ids, "deleted for good")

    if st.button(f"Delete for good ({size(amount)})", type="primary", key="trash.purge.yes", on_click=confirmed):
        st.rerun()


def findings(workspace: Workspace) -> None:
    """What the doctor says about this machine."""
    for finding in doctor.findings(workspace):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            bad = ("red", "close") if finding.needed else ("orange", "info")
            color, icon = ("green", "check") if finding.ok else bad
            st.badge(plain(finding.name), icon=f":material/{icon}:", color=color)
            st.caption(plain(f"{finding.text} {finding.todo}"), width="stretch")
    if st.button("Send a test notification", icon=":material/notifications:", key="system.notify"):
        with session.shown():
            for name, problem in notify.send_test(workspace, session.user()).items():
                (st.error if problem else st.success)(plain(f"{name}: {problem or 'sent'}"))


def versions() -> None:
    """Versions of DIGITS and the packages it stands on."""
    rows = [{"package": name, "version": version} for name, version in system.versions().items()]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="system.versions", column_config={
        "package": "Package", "version": "Version"})


@st.cache_resource(show_spinner=False)
def _extensions(enabled: bool) -> list[plugins.Extension]:
    return plugins.extensions(enabled)


def extensions(workspace: Workspace) -> None:
    """Installed extensions, and why one was left out."""
    found = _extensions(workspace.settings.plugins)
    if not found:
        st.caption("No extension is installed. An extension is a Python package that brings a data source or a view.")
    for extension in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(plain(extension.name), color="red" if extension.error else "green")
            st.caption(plain(extension.error or extension.package))
