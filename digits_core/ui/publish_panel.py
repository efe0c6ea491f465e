"""Publishing a model in the team's store: the dialog, and the page of such a job with what the pins found."""

from collections.abc import Callable

import streamlit as st

from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.modelstore.options import PublishOptions
from digits_core.modelstore.team import slug
from digits_core.services import modelstore, team
from digits_core.services.workspace import Workspace
from digits_core.ui import gate_panel, session
from digits_core.ui.forms import OptionsForm, said, submit
from digits_core.ui.overview import bar
from digits_core.ui.text import count, plain, plural


def buttons(workspace: Workspace, view: JobView, epoch: str) -> None:
    """What else can be made of a checkpoint: a pretrained model, a version of a published one."""
    if st.button("Make pretrained", icon=":material/deployed_code:", key="model.pretrained", type="tertiary",
                 help="A copy of this checkpoint in the Model Store, which stays when the training is deleted."):
        with session.shown():
            made = modelstore.make_pretrained(workspace, session.user(), view.id, epoch)
            st.switch_page("job.py", query_params={"id": made.id})
    if st.button("Publish", icon=":material/publish:", key="model.publish", type="tertiary",
                 help="Into the team's store, as the next version of a published model."):
        dialog(workspace, view, epoch)


@st.dialog("Publish in the team's store", icon=":material/publish:", width="large")
def dialog(workspace: Workspace, view: JobView, epoch: str) -> None:
    """Name, note, licence; a job asks about the pins and publishes."""
    known = [model for model in team.published(workspace) if model["versions"][0]["task"] == view.job.task]
    earlier = view.job.options.get("publish_as")
    form = OptionsForm(f"publish.{view.id}", PublishOptions, {"publish_as": earlier or view.name})
    form.draw(("publish_as",))
    if known:
        st.caption("There are already: " + ", ".join(f"{plain(model['name'])} (version {model['versions'][0]['number']}"
                                                     f", {plural(model['pins'], 'pin')})" for model in known) + ".")
    form.draw(("note",))
    form.draw(("trained_on", "license"), columns=2)
    with st.expander("More"):
        form.draw(("license_text",))
    same = next((model for model in known if model["name"] == slug(str(form.value("publish_as")))), None)
    if same and same["pins"]:
        st.info(f"It must get {plural(same['pins'], 'pin')} right to become version "
                f"{same['versions'][0]['number'] + 1}.", icon=":material/push_pin:")
    said(form.prefix)
    if st.button("Publish", type="primary", icon=":material/publish:", key="publish.go"):
        made = submit(form.prefix, form.values(), lambda: team.publish(
            workspace, session.user(), view.id, form.values(), epoch))
        st.switch_page("job.py", query_params={"id": made.id})


def live(workspace: Workspace, view: JobView) -> None:
    """Progress, then which version it became."""
    if not view.status.is_final:
        bar(workspace, view)
        return
    rows = team.gate(workspace, view.id)
    summary = view.folder.summary()
    with st.grid(3, border=True, gap="small", min_column_width=150):
        st.metric("Published as", plain(view.job.options.get("published", "–")))
        st.metric("Version", count(summary.get("version")))
        st.metric("Pins that are right", f"{sum(bool(row['right']) for row in rows)} of {len(rows)}")
    if view.status is Status.DONE and any(not row["right"] for row in rows):
        st.warning(f"Published although pins are wrong, because: {plain(view.job.options.get('anyway', ''))}",
                   icon=":material/warning:")
    if view.status is Status.FAILED and rows and view.job.kind is Kind.PUBLISH:
        _anyway(workspace, view)


def _anyway(workspace: Workspace, view: JobView) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input("Publish it anyway, because", key=f"publish.anyway.{view.id}", max_chars=500,
                               placeholder="The reason is shown with the version.")
        if st.button("Publish anyway", icon=":material/warning:", key=f"publish.force.{view.id}",
                     disabled=not (reason or "").strip()):
            options = {name: view.job.options[name] for name in PublishOptions.model_fields}
            with session.shown():
                made = team.publish(workspace, session.user(), str(view.job.options["model"]),
                                    {**options, "anyway": (reason or "").strip()},
                                    f"{_epoch(view):g}")
                st.switch_page("job.py", query_params={"id": made.id})


def _epoch(view: JobView) -> float:
    return float(str(view.job.options["checkpoint_file"]).removeprefix("epoch_").removesuffix(".safetensors"))


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """Panels of such a job, by title."""
    return {"Pins": lambda: gate_panel.draw(workspace, view)}
