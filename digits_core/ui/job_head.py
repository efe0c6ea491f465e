"""The head of every job's page: name, state, what can be done with it, and what went wrong."""

from collections.abc import Callable

import streamlit as st

from digits_core import files
from digits_core.errors import DigitsError, InvalidOptions
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services import jobs, maxima, models, search
from digits_core.services.workspace import Workspace
from digits_core.ui import badges, bulk, exports_panel, move_panels, publish_dialog, session, steering_panel
from digits_core.ui.frame import head
from digits_core.ui.text import age, exact, plain, size

CLONE_PAGES = {Kind.DATASET: "datasets.py", Kind.MODEL: "models.py", Kind.INFERENCE: "inference.py",
               Kind.FRAMES: "datasets.py", Kind.EXPORT: "job.py"}


def draw(view: JobView) -> None:
    """Title, badges, facts in a line, and the actions that make sense now."""
    with head(plain(view.name)):
        _actions(view)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        badges.state(view)
        st.badge(str(view.job.kind), icon=badges.kind_icon(view), color="gray")
        if view.group:
            st.badge(plain(view.group), icon=":material/folder:", color="gray")
        if view.job.owner:
            st.caption(f"by {plain(view.job.owner)}", width="content")
        if view.job.created:
            st.caption(f"{age(view.job.created)}", width="content", help=exact(view.job.created))
        st.caption(view.id, width="content")
        move_panels.origin(view)
        _search(view)


def _search(view: JobView) -> None:
    """A way back to the search that made this training."""
    if view.job.kind is Kind.MODEL and (found := search.of_job(session.workspace(), view.id)):
        st.page_link("search.py", label=f"Trial {found['number']} of {plain(found['name'])}", width="content",
                     icon=":material/travel_explore:", query_params={"id": found["id"]})


def _actions(view: JobView) -> None:
    user, workspace = session.user(), session.workspace()
    if not view.status.is_final:
        asked = view.attempt is not None and view.attempt.stop is not None
        if st.button("Stopping …" if asked else "Stop", icon=":material/stop_circle:", key="job.stop", disabled=asked):
            act(lambda: jobs.stop(workspace, user, view.id))
    steering_panel.draw(view, act)
    ended = view.status in (Status.FAILED, Status.STOPPED) or (view.status is Status.DAMAGED and view.job.task)
    if ended and st.button("Resume", icon=":material/play_arrow:", type="primary", key="job.resume"):
        act(lambda: jobs.resume(workspace, user, view.id))
    page = CLONE_PAGES.get(view.job.kind) if view.job.task and not view.job.options.get("parent") else None
    if page and st.button("Clone", icon=":material/content_copy:", key="job.clone",
                          help="Open the form again with the same values."):
        if tab := _own_tab(view):  # its form stands on the page of its model
            st.session_state["tab"] = tab
            st.switch_page("job.py", query_params={"id": str(view.job.options.get("model", "")), "clone": view.id})
        st.switch_page(page, query_params={"clone": view.id})
    _taking(workspace, view)
    if view.job.task:
        with st.popover("", icon=":material/edit:", key="job.more", help="Rename, group"):
            _rename(view)
        move = st.popover("", icon=":material/drive_file_move:", key="job.move", help="Move to another server",
                          on_change="rerun")
        if move.open:
            with move:
                move_panels.menu(workspace, view)
    if st.button("", icon=":material/delete:", key="job.delete", help="Delete"):
        delete_dialog(view)


def _taking(workspace: Workspace, view: JobView) -> None:
    """What leaves with a model that has weights."""
    if view.job.kind not in (Kind.MODEL, Kind.PRETRAINED) or not models.checkpoints(view):
        return
    if st.button("Download", icon=":material/download:", key="job.download",
                 help="The best checkpoint as one archive, also for other programs (ONNX), checked before you get it."):
        exports_panel.dialog(workspace, view, "best")
    if st.button("Serve elsewhere", icon=":material/rocket_launch:", key="job.elsewhere",
                 help="Publish to an inference server, such as Triton."):
        publish_dialog.dialog(workspace, view)


def _own_tab(view: JobView) -> str:
    """The tab of a model's page that has the form of such a job."""
    return "Layers" if maxima.is_maxima(view) else "Exports" if view.job.kind is Kind.EXPORT else ""


def act(action: Callable[[], object]) -> None:
    """Do one thing to the job and draw the page again; its error is shown at the top of the next run."""
    try:
        action()
    except InvalidOptions as error:
        st.session_state["job.trouble"] = " ".join(problem.message for problem in error.problems)
    except DigitsError as error:
        st.session_state["job.trouble"] = str(error)
    st.rerun()


def _rename(view: JobView) -> None:
    with st.form("job.rename", border=False):
        name = st.text_input("Name", view.name, max_chars=200, key=f"job.name.{view.id}")
        group = st.text_input("Group", view.group, max_chars=100, key=f"job.group.{view.id}")
        if st.form_submit_button("Save", icon=":material/check:"):
            act(lambda: jobs.edit(session.workspace(), session.user(), view.id, name=(name or "").strip(),
                                  group=(group or "").strip()))


@st.dialog("Delete", icon=":material/delete:")
def delete_dialog(view: JobView) -> None:
    """Say what goes and how much space it takes; the trash keeps it."""
    amount = size(files.folder_bytes(view.folder.path))
    st.markdown(f"**{plain(view.name)}** goes to the trash. Its {amount} become free when the trash is emptied; "
                "until then it can be restored.")
    if not view.status.is_final:
        st.markdown("It is stopped first.")

    def confirmed() -> None:
        bulk.remember(jobs.bulk(bulk.delete, session.workspace(), session.user(), [view.id]), [view.id],
                      "moved to the trash", undo=True)

    if st.button(f"Delete ({amount})", type="primary", key="job.delete.yes", on_click=confirmed):
        st.switch_page("home.py")


def trouble(view: JobView) -> None:
    """The panel of a job that did not end well: why, what to try, and the end of its log."""
    if said := st.session_state.pop("job.trouble", ""):
        st.error(plain(said), icon=":material/error:")
    if view.status in (Status.DONE, Status.RUNNING) or (view.status is Status.WAITING and not view.state.reason):
        return
    box = {Status.FAILED: st.error, Status.DAMAGED: st.error, Status.STALLED: st.warning}.get(view.status, st.info)
    text = f"**{plain(view.state.reason or 'It ended without saying why.')}**"
    if view.state.try_next:
        text += f"  \nWhat to try: {plain(view.state.try_next)}"
    box(text, icon=f":material/{badges.ICONS[view.status]}:")
    if view.status is Status.FAILED:
        with session.readable("The log"):
            end = jobs.log_tail(session.workspace(), view.id, 4000).rstrip().splitlines()[-12:]
            if end:
                with st.expander("Last lines of the log"):
                    st.code("\n".join(end), language=None, wrap_lines=True)
