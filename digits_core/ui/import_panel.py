"""Jobs of another server come in: the form of such an import, and its page."""

from collections.abc import Callable

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import imports
from digits_core.services.imports import ImportOptions
from digits_core.services.workspace import Workspace
from digits_core.ui import badges, large_file, session
from digits_core.ui.forms import OptionsForm, said, submit
from digits_core.ui.overview import bar, maybe
from digits_core.ui.text import plain, plural


def form(workspace: Workspace) -> None:
    """Which bundle; a job unpacks and checks it."""
    st.caption("A file that another server gave you (a job's page, Move). Its jobs become yours.")
    form = OptionsForm("import", ImportOptions)
    file = st.file_uploader("Bundle", ["tar"], key="import.file", label_visibility="collapsed")
    large = "" if file else large_file.choose(workspace, "import.large")
    if not file and not large:
        form.draw(("bundle",))
    form.draw(("allow_code",))
    said("import")
    if st.button("Import", type="primary", icon=":material/upload:", key="import.go"):
        with session.shown():
            with large_file.received(workspace, [file] if file else [], large) as kept:
                named = kept[0][0] if kept else str(form.value("bundle")).rpartition("/")[2]
                view = submit("import", form.values(), lambda: imports.create(
                    workspace, session.user(), f"Import of {named or 'a bundle'}"[:200], form.values(),
                    upload=kept[0][1] if kept else None))
            st.switch_page("job.py", query_params={"id": view.id})


def live(workspace: Workspace, view: JobView) -> None:
    """Progress, then the jobs that came in."""
    if not view.status.is_final:
        bar(workspace, view)
        return
    found = imports.report(workspace, view.id)
    if not found:
        return
    known = set(found["known"])
    st.markdown(f"**{plural(len(found['jobs']) - len(known), 'job')} came in**"
                + (f", {len(known)} {'was' if len(known) == 1 else 'were'} here already" if known else ""))
    for job_id in found["jobs"]:
        if one := maybe(workspace, job_id):
            st.page_link("job.py", label=f"**{plain(one.name)}** · {one.job.kind}", icon=badges.kind_icon(one),
                         query_params={"id": one.id})
        else:
            st.caption(f"{job_id} was deleted since.")


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """None of its own."""
    return {}
