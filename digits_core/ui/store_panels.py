"""Models that travel: import one, look at what was imported, take one along."""

from collections.abc import Callable
from textwrap import shorten

import streamlit as st

from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.networks import title
from digits_core.services import models, modelstore
from digits_core.services.sweeps import split_name
from digits_core.services.workspace import Workspace
from digits_core.ui import badges, model_panels, session, upload_dialog
from digits_core.ui.frame import empty
from digits_core.ui.overview import bar
from digits_core.ui.tables import figures
from digits_core.ui.text import age, count, exact, percent, plain, size


def live(workspace: Workspace, view: JobView) -> None:
    """Progress of an import, and the facts of an imported model."""
    if not view.status.is_final:
        bar(workspace, view)
        return
    if view.status is Status.DONE:
        with session.readable("The model"):
            _facts(view)


def _facts(view: JobView) -> None:
    summary = figures(view)
    network = str(summary.get("network", ""))
    with st.grid(4, border=True, gap="small", min_column_width=150):
        st.metric("Network", plain(title(network)) or "–")
        st.metric("Parameters", count(summary.get("parameters")))
        st.metric("Accuracy", percent(summary.get("accuracy")), help="As its training measured it.")
        st.metric("Size", size(job_bytes(view)))
    origin = modelstore.origin(view)
    if store := origin.get("store"):
        version = f", version {origin['published_version']}" if origin.get("published_version") else ""
        checked = "every file had the checksum of its list" if origin.get("verified") else \
            "unverified: the store gives no checksums"
        licence = f", license {plain(origin['license'])}" if origin.get("license") else ""
        st.caption(f"From the Model Store {plain(store)}{version}{licence}; {checked}.")


def job_bytes(view: JobView) -> float:
    """Bytes of all its checkpoints."""
    return sum(float(row.get("bytes") or 0) for row in models.checkpoints(view))


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """Panels of an imported model, by title."""
    return model_panels.tabs(workspace, view)


def cards(views: list[JobView], key: str) -> None:
    """One card a model: what it is, how good, how large, and what can be done with it."""
    with st.grid(3, border=True, min_column_width=280, gap="small"):
        for view in views:
            with st.container(gap="xsmall"), session.readable("This model"):
                _card(view, key)


def _card(view: JobView, key: str) -> None:
    summary = figures(view)
    network = str(summary.get("network") or view.job.options.get("network") or "")
    major, minor = split_name(view.name)
    st.page_link("job.py", label=f"**{plain(major)}**", icon=badges.kind_icon(view), query_params={"id": view.id})
    if minor:
        st.caption(plain(minor))
    with st.container(horizontal=True, gap="small"):
        badges.state(view)
        if network:
            st.badge(plain(title(network)), color="gray")
        if (accuracy := summary.get("accuracy")) is not None:
            st.badge(percent(accuracy), icon=":material/target:", color="gray")
    facts = (view.job.owner or "nobody", age(view.job.created), size(job_bytes(view)) if job_bytes(view) else "")
    st.caption(" · ".join(plain(fact) for fact in facts if fact), help=exact(view.job.created))
    if view.status is Status.FAILED:
        st.markdown(f":red[{plain(shorten(view.state.reason, 140, placeholder=' …'))}]")
    if models.checkpoints(view):
        with st.container(horizontal=True, gap="small"):
            st.link_button("Export", session.here(f"/api/models/{view.id}/download"), icon=":material/download:",
                           key=f"{key}.export.{view.id}")
            if st.button("Use as a start", icon=":material/fork_right:", key=f"{key}.start.{view.id}"):
                st.switch_page("models.py", query_params={"new": view.job.task, "start": view.id})
            if st.button("Try", icon=":material/image_search:", key=f"{key}.try.{view.id}", type="tertiary"):
                st.switch_page("inference.py", query_params={"model": view.id})


def here(workspace: Workspace, words: list[str]) -> tuple[list[JobView], list[JobView]]:
    """Imported models, and those that were trained here, in whose names and networks all words are."""
    def fits(view: JobView) -> bool:
        text = f"{view.name} {view.job.owner} {figures(view).get('network', '')} {view.job.task}".lower()
        return all(word in text for word in words)

    return (list(filter(fits, modelstore.list_pretrained(workspace))), list(filter(fits, exportable(workspace))))


def draw(workspace: Workspace, imported: list[JobView], own: list[JobView], filtered: bool) -> None:
    """The models of this server."""
    if not imported and not own and filtered:
        st.caption("Nothing matches the filter.")
    elif not imported and not own:
        with empty("deployed_code", "No model to travel yet", "Import one from a Model Store or from torchvision "
                   "above, or upload a model archive. Models that were trained here stand here too, to be taken along; "
                   "all of them answer, and are a start for further training."):
            if st.button("Upload one", icon=":material/upload:", key="store.first"):
                upload_dialog.draw(workspace)
    for heading, found, key in (("Imported", imported, "store.in"), ("Trained here", own, "store.own")):
        if found:
            st.subheader(heading, anchor=False)
            cards(found, key)


def exportable(workspace: Workspace) -> list[JobView]:
    """Trainings of this server that have something to take along."""
    return [view for view in workspace.store.jobs(Kind.MODEL)
            if view.job.kind is Kind.MODEL and view.status is Status.DONE and models.checkpoints(view)]


