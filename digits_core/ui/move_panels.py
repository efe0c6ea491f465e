"""Jobs that go to other servers and come from them: the small menu of a job's page, and the dialog of Home."""

import streamlit as st

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services import bundles, recipe_run, recipes, unbundle
from digits_core.services.recipe_file import said
from digits_core.services.workspace import Workspace
from digits_core.ui import import_panel, session
from digits_core.ui.text import age, plain, plural, size

BUNDLE, RECIPE = "Bundle (.tar)", "Recipe (.yaml)"


def menu(workspace: Workspace, view: JobView) -> None:
    """Take the job along: as a bundle with its files, or as a recipe that makes it again."""
    st.markdown("**Move to another server**")
    if not view.status.is_final:
        st.caption("A job moves when it is over: stop it, or wait for it.")
        return
    needs = bool(view.job.needs) and st.toggle("With the jobs it needs", key="move.needs", value=True)
    state = view.job.kind is Kind.MODEL and st.toggle(
        "With the state to go on training", key="move.state",
        help="Of the optimizer and the random numbers: it is as large as several checkpoints.")
    try:
        found = bundles.bundle(workspace, session.user(), view.id, needs, state)
        query = f"needs={str(needs).lower()}&state={str(state).lower()}"
        st.link_button(f"Bundle ({size(found.size)})", session.here(f"/api/jobs/{view.id}/bundle?{query}"),
                       icon=":material/download:", width="stretch")
    except DigitsError as error:
        st.caption(plain(error))
    st.caption("All its files, with checksums. There: Home, Import.")
    try:
        recipe = recipes.recipe(workspace, session.user(), view.id)
    except DigitsError:
        return
    st.download_button("Recipe", recipe, f"{view.id}.yaml", "application/yaml", icon=":material/receipt_long:",
                       width="stretch", key="move.recipe", on_click="ignore")
    st.caption("What was asked, as YAML: it makes the same again, from the data there.")


def origin(view: JobView) -> None:
    """A line about where a moved job came from."""
    if found := unbundle.origin(view):
        st.caption(f"moved here {age(found.get('at'))} from {plain(found.get('server') or 'another server')}, where it "
                   f"was {plain(found.get('owner') or 'nobody')}'s", width="content")


@st.dialog("Import jobs", icon=":material/drive_folder_upload:", width="medium")
def import_dialog(workspace: Workspace) -> None:
    """Bring in a bundle of another server, or run a recipe."""
    what = st.segmented_control("What", [BUNDLE, RECIPE], default=BUNDLE, required=True, key="import.what",
                                label_visibility="collapsed")
    if what == BUNDLE:
        import_panel.form(workspace)
    else:
        _recipe(workspace)


def _recipe(workspace: Workspace) -> None:
    st.caption("YAML of a job's page. Datasets that are here already are used as they are.")
    file = st.file_uploader("Recipe", ["yaml", "yml"], key="import.recipe", label_visibility="collapsed",
                            max_upload_size=1)
    text = st.text_area("Recipe", key="import.text", height=160, label_visibility="collapsed",
                        placeholder="... or paste it here") or ""
    places = st.text_area("Where its data are here, one a line", key="import.data", height=80,
                          placeholder="/old/folder=/new/folder") or ""
    if not st.button("Run", type="primary", icon=":material/play_arrow:", key="import.run",
                     disabled=file is None and not text.strip()):
        return
    with session.shown():
        text = file.getvalue().decode(errors="replace") if file else text
        pairs = [line.partition("=") for line in places.splitlines() if line.strip()]
        try:
            made = recipe_run.run(workspace, session.user(), text, {old.strip(): new.strip() for old, _, new in pairs})
        except InvalidOptions as error:
            for problem in error.problems:
                st.error(plain(said(problem, file.name if file else "")), icon=":material/error:")
            return
        _tell(made.jobs, made.known)


def _tell(jobs: list[JobView], known: list[str]) -> None:
    """Go to the one that was meant; the others are what it needs."""
    fresh = [view for view in jobs if view.id not in known]
    st.toast(f"{plural(len(fresh), 'job')} came in" if fresh else "It was here already.", icon=":material/check:")
    st.switch_page("job.py", query_params={"id": jobs[-1].id})
