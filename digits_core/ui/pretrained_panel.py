"""The part of the model form about pretrained networks: models of the store, and weights that torchvision publishes."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from digits_core.networks import body_of, title
from digits_core.services import weights
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task
from digits_core.ui.forms import OptionsForm, show_problems
from digits_core.ui.text import percent, plain, size
from digits_core.ui.widgets import start

Json = dict[str, Any]
SOURCES = {"store": "Model Store", weights.SOURCE: "torchvision"}


def draw(workspace: Workspace, form: OptionsForm, task: Task, store: Callable[[], None],
         tuning: tuple[str, ...]) -> None:
    """Where the weights come from, and that part: ``store`` draws the models of the store."""
    key = form.key("pretrained.source")
    known = form.initial["start_model"] and not form.initial["start_model"].startswith(weights.SOURCE)
    start(key, "store" if known else weights.SOURCE)
    source = st.segmented_control("Weights from", list(SOURCES), key=key, format_func=SOURCES.__getitem__,
                                  persist_state="session", required=True)
    if source == weights.SOURCE:
        published(workspace, form, task, tuning)
    else:
        store()


def published(workspace: Workspace, form: OptionsForm, task: Task, tuning: tuple[str, ...]) -> None:
    """Choose a network and which of its weights; what is not here yet is fetched when the training is made."""
    known = {row["name"]: row for row in weights.networks(workspace)}
    rows = {name: {**known[name], "weights": known[body_of(name)]["weights"]} for name in task.networks
            if known[body_of(name)]["weights"]}
    key = form.key("published")
    usual = "resnet18" if "resnet18" in rows else next(iter(rows))
    start(key, form.initial["network"] if form.initial["network"] in rows else usual)
    name = st.selectbox("Network", list(rows), key=key, format_func=lambda name: about(rows[name]),
                        persist_state="session", help="Type to search.") or usual
    one = _weights(form, rows[name])
    chosen = one["job"] or f"{weights.SOURCE}:{one['tag']}"
    form.drawn |= {"network": name, "start_model": chosen}
    show_problems(form.prefix, "start_model", chosen)
    of = f"Of {title(body_of(name))}, which it is built on: " if body_of(name) != name else ""
    st.caption(f"{of}{percent(one['accuracy'])} on ImageNet with pictures of {one['crop']} x {one['crop']}. "
               f"{_where(workspace, one)}")
    if one["license"]:
        st.caption(f"These weights have [a licence of their own]({one['license']}).")
    st.caption("A last layer of another size starts anew, and the first layer is adapted to grey pictures. The new "
               "model's page lists which.")
    form.draw(tuning, columns=1)


def about(row: Json) -> str:
    """A network in one line."""
    best = row["weights"][0]
    return (f"{row['title']} · {row['parameters'] / 1e6:.1f} M parameters · {100 * best['accuracy']:.1f} % · "
            f"{size(best['bytes'])}{' · here' if best['ready'] or best['on_disk'] else ''}")


def _weights(form: OptionsForm, row: Json) -> Json:
    found = {one["tag"]: one for one in row["weights"]}
    if len(found) == 1:
        return next(iter(found.values()))
    key = form.key(f"published.{row['name']}")
    start(key, next(iter(found)))
    tag = st.selectbox("Weights", list(found), key=key, persist_state="session",
                       format_func=lambda tag: f"{tag.removeprefix('IMAGENET1K_')} · {percent(found[tag]['accuracy'])}")
    return found[tag or next(iter(found))]


def _where(workspace: Workspace, one: Json) -> str:
    """Whether they are here, and what happens if not."""
    if one["ready"]:
        return "They are in the Model Store."
    if one["job"]:
        return "They are on their way; the training waits for them."
    if one["on_disk"]:
        return "Their file is on this server; the training waits until it is read."
    if workspace.settings.weights_url == "none":
        return f":orange[They are not on this server, which downloads nothing: {plain(one['advice'])}]"
    return f"{size(one['bytes'])} are downloaded when the training is made; it waits for them."
