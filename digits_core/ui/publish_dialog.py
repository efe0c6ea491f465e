"""A model on its way to another inference server."""

from pathlib import Path
from typing import Any

import streamlit as st

from digits_core.export.publishing import PublishOptions
from digits_core.jobs.store import JobView
from digits_core.services import exports, publish
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.forms import OptionsForm
from digits_core.ui.text import age, plain

Json = dict[str, Any]
TOLD = "elsewhere.told"
WHERE = {"folder": "publish_dir", "server": "publish_url"}
"""Which setting a place needs."""


@st.dialog("Publish to an inference server", icon=":material/rocket_launch:", width="medium")
def dialog(workspace: Workspace, view: JobView) -> None:
    """Which export goes where; then where it is."""
    done = publish.ready(workspace, view.id)
    st.caption(f"This server answers for the model too: `{session.here(f'/v2/models/{view.id}/infer')}` (Open "
               f"Inference Protocol) and `{session.here(f'/api/models/{view.id}/predict')}`.")
    if not done:
        st.info("Export this model first: only an export that was held against PyTorch is published.",
                icon=":material/info:")
        if st.button("Export", type="primary", icon=":material/output:", key="elsewhere.export"):
            with session.shown():
                made = exports.create(workspace, session.user(), view.id, {})
                st.switch_page("job.py", query_params={"id": made.id})
        return
    form = OptionsForm(f"elsewhere.{view.id}", PublishOptions, {"model_name": publish.name_for(view)})
    form.only("where", ["archive", *(place for place, name in WHERE.items() if getattr(workspace.settings, name))])
    form.draw(("where",))
    names = {one.id: f"{one.name} ({age(one.ended)})" for one in done}
    form.drawn["export"] = st.selectbox("Export", list(names), format_func=names.__getitem__,
                                        key=form.key("export"))
    form.only("precision", publish.precisions(workspace, form.drawn["export"]))
    form.draw(("model_name", "version", "precision", "max_batch", "delay_us"), columns=2)
    form.draw(("description", "modality"), columns=2)
    if st.button("Publish", type="primary", icon=":material/rocket_launch:", key="elsewhere.go"):
        with session.shown(), st.spinner("Publishing"):
            st.session_state[TOLD] = {"model": view.id, **publish.publish(workspace, session.user(), view.id,
                                                                          form.values())}
    told = st.session_state.get(TOLD, {})
    if (told.get("model"), told.get("where")) == (view.id, form.value("where")):
        _told(told)


def _told(told: Json) -> None:
    if path := told.get("path"):
        st.download_button(f"Save {Path(path).name}", lambda: Path(path).open("rb"),  # noqa: SIM115  # Streamlit does
                           Path(path).name, "application/zip", icon=":material/download:", key="elsewhere.save",
                           on_click="ignore")
    elif "folder" in told:
        st.success(f"Model successfully published to {plain(told['folder'])}.", icon=":material/check:")
    else:
        at = f" New endpoint at {plain(told['location'])}" if told["location"] else ""
        st.success(f"Model successfully published.{at}", icon=":material/check:")
