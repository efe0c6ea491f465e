"""Model stores on the screen: what each offers as cards, and everything about one model in a dialog."""

from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from digits_core.networks import title
from digits_core.services import store
from digits_core.services.workspace import Workspace
from digits_core.tasks import measures, tasks
from digits_core.ui import session
from digits_core.ui.text import age, lower, measured, number, plain, plural, size

Json = dict[str, Any]
PAGE = 12


def fits(model: Json, words: list[str]) -> bool:
    """Whether every word of the filter is somewhere in what a card says."""
    text = " ".join(str(model.get(key, "")) for key in ("name", "contributor", "note", "dataset", "license", "task",
                                                        "network", "framework", "published")).lower()
    return all(word in text for word in words)


def name_of(address: str) -> str:
    """A short name for a store."""
    parts = urlsplit(address)
    return parts.netloc or parts.path.rstrip("/").rpartition("/")[2] or address


def draw(workspace: Workspace, shop: Json, words: list[str]) -> None:
    """One store: its message, its state, and the cards of what fits the filter."""
    _bar(shop)
    found = [model for model in shop["models"] if fits(model, words)]
    if not found and shop["state"] == "ready":
        st.caption("Nothing matches the filter." if shop["models"] else "No models in this Model Store.")
    cards(workspace, found, f"store.{shop['address']}")


def _bar(shop: Json) -> None:
    when = f"read {age(0, shop['age_s'])}" if shop["age_s"] is not None else ""
    if shop["message"]:
        st.markdown(f"**{plain(shop['message'])}**")
    st.caption(" · ".join(filter(None, (plain(shop["address"]), plural(len(shop["models"]), "model"), when))))
    if shop["state"] == "unreachable":
        old = " What is below is what it offered then." if shop["models"] else ""
        st.warning(f"It cannot be reached: {plain(shop['reason'])}{old}", icon=":material/cloud_off:")
    elif shop["state"] in ("reading", "unread"):
        st.markdown(":gray[:material/sync: The list is being read …]")
        if not shop["models"]:
            st.skeleton(height=160)


def cards(workspace: Workspace, found: list[Json], key: str) -> None:
    """One card a model, some to a page."""
    page = min(int(st.session_state.get(f"{key}.page", 1)), max(1, -(-len(found) // PAGE)))
    with st.grid(3, border=True, min_column_width=280, gap="small"):
        for model in found[(page - 1) * PAGE:page * PAGE]:
            with st.container(gap="xsmall"), session.readable("This model"):
                card(workspace, model, key)
    if len(found) > PAGE:
        st.pagination(-(-len(found) // PAGE), key=f"{key}.page")


def card(workspace: Workspace, model: Json, key: str) -> None:
    """What it is, who made it, how good and how large it is, and what can be done with it."""
    if model["picture"]:
        st.image(store.preview(workspace, model["id"]), width=240)
    st.markdown(f"**{plain(model['name'])}**")
    badges(model)
    facts = (model["contributor"], model["dataset"], model["license"], size(model["bytes"]) if model["bytes"] else "")
    st.caption(" · ".join(plain(fact) for fact in facts if fact))
    if model["note"]:
        st.markdown(plain(model["note"][:140] + (" …" if len(model["note"]) > 140 else "")))
    if model["problem"]:
        st.markdown(f":red[:material/error: {plain(model['problem'])}]")
    with st.container(horizontal=True, gap="small"):
        use(workspace, model, key)
        if st.button("Details", key=f"{key}.details.{model['id']}", type="tertiary", icon=":material/info:"):
            details(workspace, model)


def badges(model: Json) -> None:
    """Version, task, figures, and whether its files can be checked."""
    with st.container(horizontal=True, gap="small"):
        if model["version"]:
            st.badge(f"version {model['version']}", color="blue")
        if model["verified"]:
            st.badge("verified", icon=":material/verified:", color="green",
                     help="The store gives a SHA-256 for every file; a file that differs is not installed.")
        elif not model["problem"]:
            st.badge("unverified", icon=":material/help:", color="orange",
                     help="The store gives no checksums: nobody can tell whether its files were changed on the way.")
        if (goal := measures(model["task"])[0]).name in model["metrics"]:
            st.badge(f"{measured(number(model['metrics'][goal.name]), goal)} {lower(goal.title)}", color="gray")
        if model["network"]:
            st.badge(plain(title(model["network"])), color="gray")
        elif model["framework"]:
            st.badge(plain(model["framework"]), color="gray")


def use(workspace: Workspace, model: Json, key: str) -> None:
    """Import it; or use what was imported."""
    if model["ready"]:
        kind = model["task"] if model["task"] in tasks() else "classification"
        if st.button("Use as pretrained", icon=":material/fork_right:", key=f"{key}.use.{model['id']}",
                     help="It is here. Opens the form of a new model with it chosen."):
            st.switch_page("models.py", query_params={"new": kind, "start": model["job"]})
    elif model["job"]:
        if st.button("On its way", icon=":material/downloading:", key=f"{key}.coming.{model['id']}"):
            st.switch_page("job.py", query_params={"id": model["job"]})
    elif st.button("Import", icon=":material/download:", key=f"{key}.import.{model['id']}",
                   disabled=bool(model["problem"])):
        bring(workspace, model, False)


def bring(workspace: Workspace, model: Json, allow_code: bool) -> None:
    """Make the import's job and look at it."""
    with session.shown():
        view = store.import_entry(workspace, session.user(), model["id"], allow_code=allow_code)
        st.switch_page("job.py", query_params={"id": view.id})


@st.dialog("Model", icon=":material/deployed_code:", width="large")
def details(workspace: Workspace, model: Json) -> None:
    """Everything the store tells about a model, its licence, and its files."""
    st.markdown(f"**{plain(model['name'])}**")
    badges(model)
    if model["note"]:
        st.markdown(plain(model["note"]))
    goals = {goal.name: goal for goal in measures(model["task"])}
    figures = {goals[name].title if name in goals else name:
               measured(value, goals[name]) if name in goals else f"{value:.4g}"
               for name, value in model["metrics"].items()}
    rows = {"Contributor": model["contributor"], "Data sets": model["dataset"], "License": model["license"],
            "Framework": model["framework"], "Made": model["created"], "Store": model["store"],
            "Size": size(model["bytes"]) if model["bytes"] else "", **figures}
    st.dataframe([{"what": what, "value": str(value)} for what, value in rows.items() if value], hide_index=True,
                 column_config={"what": "", "value": st.column_config.TextColumn("", width="large")})
    text = store.license_text(workspace, model["id"])
    with st.expander(f"License {plain(model['license'])}", icon=":material/gavel:", expanded=bool(text)):
        st.code(text, language=None, wrap_lines=True, height=240) if text else st.caption("It brings no licence text.")
    with st.expander(plural(len(model["files"]), "file"), icon=":material/description:"):
        st.code("\n".join(f"{digest or 'no checksum':64}  {name}" for name, digest in model["files"].items()),
                language=None)
    allowed = "network.py" in model["files"] and st.checkbox(
        "It may bring a custom network, whose Python code then runs on this server", key="store.entry.code",
        help="Only for models of people you trust.")
    if not model["job"] and st.button("Import", type="primary", icon=":material/download:", key="store.entry.import",
                                      disabled=bool(model["problem"])):
        bring(workspace, model, bool(allowed))
