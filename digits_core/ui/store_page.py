"""The Model Store page below its filter: one source of models at a time, each with the number of models that fit."""

from collections.abc import Callable

import streamlit as st

from digits_core.services import store, team
from digits_core.services.workspace import Workspace
from digits_core.ui import store_cards, store_panels, team_panel, weights_panels
from digits_core.ui.session import from_address, to_address

HERE, TEAM, TORCHVISION = "here", "team", "torchvision"


def draw(workspace: Workspace, words: list[str]) -> None:
    """Choose a source, and see it. Nothing here waits for a network."""
    imported, trained = store_panels.here(workspace, words)
    ours, shelf, shops = team.published(workspace), weights_panels.fitting(workspace, words), store.stores(workspace)
    counts = {HERE: len(imported) + len(trained), TORCHVISION: len(shelf),
              TEAM: sum(store_cards.fits(model["versions"][0], words) for model in ours),
              **{shop["address"]: sum(store_cards.fits(model, words) for model in shop["models"]) for shop in shops}}
    parts: dict[str, Callable[[], None]] = {
        HERE: lambda: store_panels.draw(workspace, imported, trained, bool(words)),
        TEAM: lambda: team_panel.draw(workspace, ours, words),
        **{shop["address"]: lambda shop=shop: store_cards.draw(workspace, shop, words) for shop in shops},
        TORCHVISION: lambda: weights_panels.table(workspace, shelf, "shelf")}
    names = {HERE: "On this server", TEAM: "Our team", TORCHVISION: "torchvision",
             **{shop["address"]: store_cards.name_of(shop["address"]) for shop in shops}}
    from_address("store.source", "from", list(parts), HERE)
    chosen = st.segmented_control("Models of", list(parts), key="store.source", required=True,
                                  format_func=lambda source: f"{names[source]} ({counts[source]})",
                                  label_visibility="collapsed") or HERE
    to_address("from", chosen, HERE)
    parts[chosen]()
    _await(workspace, [shop["state"] for shop in shops])


def _await(workspace: Workspace, states: list[str]) -> None:
    """Draw the page again when a list that is being read has come."""
    @st.fragment(run_every=1 if "reading" in states or "unread" in states else None)
    def look() -> None:
        if [shop["state"] for shop in store.stores(workspace)] != states:
            st.rerun()

    look()
