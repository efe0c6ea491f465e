"""What can be done to the selected rows of a table: a bar at the bottom of the page."""

import streamlit as st

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.jobs.model import Kind
from digits_core.services import jobs
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.text import plain, plural, size


def bar(ids: list[str]) -> None:
    """Stop, delete or group the selected jobs; nothing is drawn while none is selected."""
    if not ids:
        return
    with st.bottom.container(horizontal=True, vertical_alignment="center", key="bulk.bar"):
        st.markdown(f"**{plural(len(ids), 'job')}** selected", width="content")
        if len(ids) == 1 and st.button("Open", key="bulk.open", icon=":material/arrow_forward:"):
            st.switch_page("job.py", query_params={"id": ids[0]})
        trained = [job_id for job_id in ids if is_training(job_id)]
        if len(trained) > 1 and st.button("Compare", key="bulk.compare", icon=":material/stacked_line_chart:"):
            st.switch_page("compare.py", query_params={"runs": ",".join(trained)})
        if st.button("Stop", key="bulk.stop", icon=":material/stop_circle:"):
            done(jobs.bulk(jobs.stop, session.workspace(), session.user(), ids), ids, "asked to stop")
        if st.button("Group", key="bulk.group", icon=":material/folder:"):
            group_dialog(ids)
        if st.button("Delete", key="bulk.delete", icon=":material/delete:"):
            delete_dialog(ids)
        st.button("Select none", key="bulk.none", icon=":material/deselect:", type="tertiary", shortcut="Esc",
                  on_click=nothing)


def nothing() -> None:
    """Take the selection back. A button's callback."""
    st.session_state["bulk.version"] = version() + 1


def is_training(job_id: str) -> bool:
    """Whether a job has curves that can be compared."""
    try:
        view = session.workspace().store.get(job_id)
    except DigitsError:
        return False  # deleted meanwhile
    return view.job.kind is Kind.MODEL and bool(view.job.task)


def done(failures: list[str], ids: list[str], what: str, undo: bool = False) -> None:
    """Remember what happened and draw the page again."""
    remember(failures, ids, what, undo)
    st.rerun()


def remember(failures: list[str], ids: list[str], what: str, undo: bool = False) -> None:
    """What the next run says: how many jobs something was done to, what went wrong, and whether it can be undone.

    It also clears the selection. Dialogs call it from their button's callback, which runs before anything is drawn.
    """
    st.session_state["bulk.version"] = version() + 1
    st.session_state["bulk.said"] = (failures, len(ids) - len(failures), what)
    st.session_state["bulk.undo"] = ids if undo else []


def version() -> int:
    """Part of the tables' keys; another number is a table without a selection."""
    return int(st.session_state.get("bulk.version", 0))


def said() -> None:
    """Show what the last action did, and offer to take a deletion back."""
    failures, good, what = st.session_state.pop("bulk.said", ([], 0, ""))
    for failure in failures:
        st.error(plain(failure), icon=":material/error:")
    if good:
        st.toast(f"{plural(good, 'job')} {what}.", icon=":material/check:")
    trashed = {view.id for view in session.workspace().store.trashed()} if st.session_state.get("bulk.undo") else set()
    ids = [job_id for job_id in st.session_state.get("bulk.undo", []) if job_id in trashed]
    if ids:
        with st.container(horizontal=True, vertical_alignment="center", border=True, key="bulk.undo.row"):
            st.markdown(f":material/delete: {plural(len(ids), 'job')} moved to the trash.", width="stretch")
            if st.button("Undo", icon=":material/undo:", key="bulk.undo.do"):
                done(jobs.bulk(jobs.restore, session.workspace(), session.user(), sorted(ids)), ids, "restored")
            if st.button("", icon=":material/close:", key="bulk.undo.hide", type="tertiary", help="Hide this"):
                st.session_state["bulk.undo"] = []
                st.rerun()


def delete(workspace: Workspace, user: str, job_id: str) -> None:
    """Delete without waiting long, so that the page never hangs."""
    jobs.delete(workspace, user, job_id, wait_s=5)


@st.dialog("Delete jobs", icon=":material/delete:")
def delete_dialog(ids: list[str]) -> None:
    """Say what will go and how much space it takes, then do it."""
    store, amount = session.workspace().store, 0
    for job_id in ids:
        try:
            view = store.get(job_id)
        except DigitsError:
            continue  # somebody else deleted it meanwhile
        amount += files.folder_bytes(view.folder.path)
        st.text(f"•  {view.name}")
    st.markdown(f"They go to the trash ({size(amount)}) and can be restored from the System page. "
                "Running ones are stopped first.")

    def confirmed() -> None:
        remember(jobs.bulk(delete, session.workspace(), session.user(), dependents_first(ids)), ids,
                 "moved to the trash", undo=True)

    if st.button(f"Delete {plural(len(ids), 'job')}", type="primary", key="bulk.delete.yes", on_click=confirmed):
        st.rerun()


def dependents_first(ids: list[str]) -> list[str]:
    """Newest first: a job is always younger than what it needs, so a dataset goes after its models."""
    return sorted(ids, reverse=True)


@st.dialog("Group jobs", icon=":material/folder:")
def group_dialog(ids: list[str]) -> None:
    """One name for all of them; a blank one takes them out of their groups."""
    st.text_input("Group", key="bulk.group.name", help="Leave it blank to ungroup.", max_chars=100)

    def confirmed() -> None:
        name = str(st.session_state.get("bulk.group.name") or "").strip()
        group = "" if name.lower() == "ungrouped" else name
        remember(jobs.bulk(lambda workspace, user, job_id: jobs.edit(workspace, user, job_id, group=group),
                           session.workspace(), session.user(), ids), ids, "grouped")

    if st.button("Set group", type="primary", key="bulk.group.yes", on_click=confirmed):
        st.rerun()
