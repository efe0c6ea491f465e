"""The team's published models: their versions, and what each new one must still get right."""

from typing import Any

import streamlit as st

from digits_core.jobs.model import Kind, Status
from digits_core.services import pins, team
from digits_core.services.datasets import manifest
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from digits_core.ui import session, store_cards
from digits_core.ui.forms import said, submit
from digits_core.ui.frame import empty
from digits_core.ui.text import age, exact, plain, plural

Json = dict[str, Any]


def draw(workspace: Workspace, models: list[Json], words: list[str]) -> None:
    """Cards of the newest versions."""
    if not models:
        with empty("publish", "Nothing is published yet", "Publish a checkpoint on the page of its model. It gets a "
                   "version; pictures that are pinned to it must be right in every later one."):
            st.page_link("models.py", label="Models", icon=":material/neurology:")
        return
    st.caption(f"Served at {session.here('/store')}, in {plain(workspace.settings.team_folder)}: another server lists "
               f"it with DIGITS_MODEL_STORE_URL set to {plain(session.address('/store'))}.")
    found = [model for model in models if store_cards.fits(model["versions"][0], words)]
    if not found:
        st.caption("Nothing matches the filter.")
    with st.grid(3, border=True, min_column_width=280, gap="small"):
        for model in found:
            with st.container(gap="xsmall"), session.readable("This model"):
                store_cards.card(workspace, model["versions"][0], "team")
                _more(workspace, model)


def _more(workspace: Workspace, model: Json) -> None:
    if model["versions"][0]["gate"].get("wrong"):
        st.markdown(f":orange[:material/warning: {plural(len(model['versions'][0]['gate']['wrong']), 'pin')} wrong]")
    with st.container(horizontal=True, gap="small"):
        if st.button(plural(len(model["versions"]), "version"), icon=":material/history:", type="tertiary",
                     key=f"team.versions.{model['name']}"):
            versions(workspace, model)
        if model["can_pin"] and st.button(plural(model["pins"], "pin"), icon=":material/push_pin:", type="tertiary",
                                          key=f"team.pins.{model['name']}"):
            pins_dialog(workspace, model)


@st.dialog("Versions", icon=":material/history:", width="large")
def versions(workspace: Workspace, model: Json) -> None:
    """All versions of a published model, the newest first."""
    st.subheader(plain(model["name"]), anchor=False)
    for version in model["versions"]:
        with st.container(border=True, gap="xsmall"):
            store_cards.badges(version)
            st.caption(f"{plain(version['contributor'])} · {age(version['published_at'])}",
                       help=exact(version["published_at"]))
            if version["note"]:
                st.markdown(plain(version["note"]))
            gate = version["gate"]
            if gate.get("wrong"):
                st.markdown(f":orange[:material/warning: Published with {plural(len(gate['wrong']), 'pin')} wrong, "
                            f"because: {plain(gate.get('anyway', ''))}]")
            elif gate.get("pins"):
                st.markdown(f":green[:material/push_pin: {plural(gate['pins'], 'pin')} right]")
            with st.container(horizontal=True, gap="small"):
                store_cards.use(workspace, version, "team.version")
                _unpublish(workspace, model["name"], version)


def _unpublish(workspace: Workspace, name: str, version: Json) -> None:
    if version["contributor"] != session.user():
        return
    number = version["number"]
    sure = st.checkbox("Take it out of the store", key=f"team.sure.{name}.{number}")
    if sure and st.button(f"Unpublish version {number}", icon=":material/delete:", key=f"team.gone.{name}.{number}"):
        with session.shown():
            team.unpublish(workspace, session.user(), name, number)
            st.rerun()


@st.dialog("Pins", icon=":material/push_pin:", width="large")
def pins_dialog(workspace: Workspace, model: Json) -> None:
    """What every new version must get right: shown, added, removed."""
    name = model["name"]
    st.markdown(f"A new version of **{plain(name)}** is published only when it gets all of this right.")
    with session.shown():
        found = pins.pins(workspace, name)
        _pictures(workspace, name, found["pictures"])
        for pin in found["slices"]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(pin['label'] or 'Every class')}** in {plain(pin['split'])} of "
                            f"{plain(pin['name'])}: at least {pin['at_least']:.0%}")
                _remove(workspace, name, pin)
        if not found["pictures"] and not found["slices"]:
            st.caption("Nothing is pinned yet.")
    said("pins")
    labels = pins.labels(workspace, name)
    pictures, classes = st.tabs(["Pin pictures", "Pin a class of a dataset"])
    with pictures:
        _add_pictures(workspace, name, labels)
    with classes:
        _add_slice(workspace, name, model["versions"][0]["task"])


def _pictures(workspace: Workspace, name: str, rows: list[Json]) -> None:
    with st.grid(6, gap="small", min_column_width=110):
        for pin in rows[:24]:
            with st.container(gap="xxsmall"):
                st.image(pins.pinned_picture(workspace, name, pin["id"]), width="stretch")
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.caption(plain(pin["label"]))
                    _remove(workspace, name, pin)
    if len(rows) > 24:
        st.caption(f"and {plural(len(rows) - 24, 'picture')} more")


def _remove(workspace: Workspace, name: str, pin: Json) -> None:
    if st.button("", icon=":material/close:", key=f"pins.remove.{pin['id']}", type="tertiary", help="Remove this pin"):
        submit("pins", {}, lambda: pins.unpin(workspace, session.user(), name, pin["id"]))
        st.rerun(scope="fragment")


def _add_pictures(workspace: Workspace, name: str, labels: list[str]) -> None:
    files = st.file_uploader("Pictures", accept_multiple_files=True, key=f"pins.files.{name}", max_upload_size=20)
    label = st.selectbox("They show", labels, key=f"pins.label.{name}") or ""
    if st.button("Pin", icon=":material/push_pin:", key="pins.add", disabled=not files):
        images = [(file.name, file.getvalue()) for file in files]
        submit("pins", {}, lambda: pins.pin_pictures(workspace, session.user(), name, images, label))
        st.rerun(scope="fragment")


def _add_slice(workspace: Workspace, name: str, kind: str) -> None:
    ready = {view.id: view for view in workspace.store.jobs(Kind.DATASET)
             if view.status is Status.DONE and view.job.task == task(kind).learns_from}
    if not ready or not task(kind).names_labels:
        st.caption("There is no dataset whose classes could be pinned to this model.")
        return
    left, middle, right, last = st.columns([2, 1, 1, 1])
    dataset = left.selectbox("Dataset", list(ready), format_func=lambda job: ready[job].name, key="pins.dataset")
    facts = manifest(ready[dataset]) if dataset else {}
    split = middle.selectbox("Split", [one for one in ("val", "test", "train") if one in facts.get("splits", {})],
                             key="pins.split")
    label = right.selectbox("Class", ["", *facts.get("labels", [])], key="pins.slice.label",
                            format_func=lambda text: text or "every class")
    share = last.number_input("At least (%)", 1, 100, 90, key="pins.share")
    if st.button("Pin", icon=":material/push_pin:", key="pins.slice.add"):
        submit("pins", {}, lambda: pins.pin_slice(workspace, session.user(), name, str(dataset), str(split),
                                                  label or "", float(share) / 100))
        st.rerun(scope="fragment")
