"""The team's published models: their versions, and what each new one must still get right."""

from typing import Any

import streamlit as st

from digits_core.services import team
from digits_core.services.workspace import Workspace
from digits_core.ui import pins_panel, session, store_cards
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
            pins_panel.dialog(workspace, model)


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
