"""What a network has learned, without any picture: its weights, and pictures that excite its units most."""

from typing import Any

import streamlit as st

from digits_core.infer.options import AscentOptions
from digits_core.jobs.store import JobView
from digits_core.services import maxima, models
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.ui import as_code, badges, look_panel, session
from digits_core.ui.forms import OptionsForm, said, show_problems, submit
from digits_core.ui.text import age, count, plain
from digits_core.ui.widgets import start

Json = dict[str, Any]
MORE = ("steps", "rate", "jitter", "blur", "decay", "seed", "notify")


def draw(workspace: Workspace, view: JobView) -> None:
    """The form of max activations with earlier runs, then the weights of every layer."""
    first = as_code.started(f"maxima.{view.id}", _cloned(workspace, view))
    form = OptionsForm(f"maxima.{first.get('origin', view.id)}", AscentOptions, first.get("options"))
    checkpoint = _checkpoint(view, form)
    with st.spinner("Asking the network …", show_time=True):
        found = _weights(workspace.settings.jobs_dir, view.id, str(models.find_checkpoint(view, checkpoint)["sha256"]),
                         checkpoint)
    left, right = st.columns([1.4, 1], gap="large")
    with left:
        _form(workspace, view, form, found["units"])
        as_code.panel(Asked("maxima", AscentOptions, {"model": view.id}, form.values()), form, f"maxima.{view.id}",
                      first)
    with right:
        _earlier(workspace, view)
    st.subheader("Weights", anchor=False)
    look_panel.layers(found, f"weights.{view.id}")


def _cloned(workspace: Workspace, view: JobView) -> Json:
    """What the form starts with when the page was opened by Clone of such a job."""
    clone = st.query_params.get("clone", "")
    found = [job for job in maxima.of_model(workspace, view.id) if job.id == clone]
    return {"origin": clone, "options": found[0].job.options} if found else {}


def _checkpoint(view: JobView, form: OptionsForm) -> str:
    known = ["best", "last", *(f"{float(row['epoch']):g}" for row in reversed(models.checkpoints(view)))]
    wanted = form.value("checkpoint")
    start(form.key("checkpoint"), wanted if wanted in known else "best")
    return form.drawn.setdefault("checkpoint", st.selectbox(
        "Checkpoint", known, key=form.key("checkpoint"), width=200, persist_state="session",
        format_func=lambda name: name.capitalize() if name in ("best", "last") else f"Epoch {name}") or "best")


@st.cache_data(max_entries=8, show_spinner=False)
def _weights(_jobs_dir: Any, model: str, sha256: str, checkpoint: str) -> Json:
    """Kept by the checksum of the weights: asking again costs seconds and megabytes."""
    return maxima.weights(session.workspace(), session.user(), model, checkpoint)


def _form(workspace: Workspace, view: JobView, form: OptionsForm, units: dict[str, int]) -> None:
    st.subheader("What excites a unit most?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = form.value("layer")
        start(form.key("layer"), wanted if wanted in units else next(reversed(units)))
        layer = form.drawn["layer"] = st.selectbox(
            "Layer", list(reversed(units)), key=form.key("layer"), persist_state="session",
            format_func=lambda name: f"{name} ({count(units[name])} units)", help=form.fields["layer"].help)
        form.field("units")
    show_problems(form.prefix, "layer", layer)
    with st.expander("More", icon=":material/tune:"):
        form.draw(("aim",))
        form.draw(MORE)
    said(form.prefix)
    if st.button("Run max activations", type="primary", icon=":material/landscape:", key=f"{form.prefix}.run"):
        job = submit(form.prefix, form.values(), lambda: maxima.create(
            workspace, session.user(), view.id, "", form.values()))
        st.switch_page("job.py", query_params={"id": job.id})


def _earlier(workspace: Workspace, view: JobView) -> None:
    found = maxima.of_model(workspace, view.id)
    if not found:
        st.caption("A picture is changed step by step until the unit answers as strongly as it can: what the unit "
                   "looks for, as the network has learned it. A run is a job; its pictures appear one by one.")
        return
    st.markdown("**Earlier runs**")
    for job in found[:8]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link("job.py", label=plain(job.name), icon=badges.kind_icon(job), query_params={"id": job.id})
            badges.state(job)
            st.caption(age(job.job.created), width="content")
