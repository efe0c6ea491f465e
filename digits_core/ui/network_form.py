"""The network of a new model: a standard one, that of an earlier training, an imported one, or one's own."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.networks import NETWORKS, title
from digits_core.networks.custom import CUSTOM
from digits_core.networks.graph import CAFFE
from digits_core.services import models, networks
from digits_core.services.weights import SOURCE
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task, tasks
from digits_core.ui import custom_form, pretrained_panel
from digits_core.ui.forms import OptionsForm, show_problems
from digits_core.ui.tables import figures, result
from digits_core.ui.text import percent
from digits_core.ui.widgets import start

Json = dict[str, Any]
TITLES = {"standard": "Standard", "previous": "Previous", "pretrained": "Pretrained", CUSTOM: "Custom"}
TUNING = ("trainable_stages", "backbone_rate")
NO_WEIGHTS = "none"


def draw(workspace: Workspace, form: OptionsForm, task: Task) -> None:
    """The tabs; one of them is drawn and says what ``network`` and ``start_model`` are."""
    st.markdown("**:material/neurology: Network**")
    key = form.key("network.method")
    start(key, _method(workspace, form.initial))
    method = st.segmented_control("Where the network comes from", list(TITLES), key=key, format_func=TITLES.__getitem__,
                                  label_visibility="collapsed", width="stretch", persist_state="session")
    panels: dict[str, Callable[[], None]] = {
        "standard": lambda: _standard(form, task),
        "previous": lambda: earlier(workspace, form, task, Kind.MODEL, "There is no trained model yet."),
        "pretrained": lambda: pretrained_panel.draw(workspace, form, task, lambda: earlier(
            workspace, form, task, Kind.PRETRAINED, "Nothing was imported yet: see Model Store."), TUNING),
        CUSTOM: lambda: custom_form.draw(workspace, form)}
    form.drawn |= {"start_model": "", "start_checkpoint": "best", "network_source": "", "network_file": "",
                   "network_values": ""}
    panels[method or "standard"]()


def _method(workspace: Workspace, initial: Json) -> str:
    if initial["start_model"].startswith(SOURCE):
        return "pretrained"
    if not initial["start_model"]:
        return CUSTOM if initial["network"] == CUSTOM else "standard"
    try:
        kind = workspace.store.get(initial["start_model"]).job.kind
    except DigitsError:
        return "standard"
    return "pretrained" if kind is Kind.PRETRAINED else "previous"


def _standard(form: OptionsForm, task: Task) -> None:
    key = form.key("network")
    start(key, form.initial["network"] if form.initial["network"] in task.networks else task.default_network)

    def choose(name: str) -> None:
        st.session_state[key], st.session_state[f"{key}.more"] = name, None

    with st.grid(2, min_column_width=150, gap="xsmall"):
        for name in task.networks:
            spec = NETWORKS[name]
            if not spec.standard:
                continue
            chosen = st.session_state[key] == name
            with st.container(border=True, gap="xxsmall"):
                st.markdown(f"**{spec.title}** :gray[{spec.year}]")
                st.caption(spec.intended, help=f"[Paper]({spec.paper})")
                with st.container(horizontal=True, gap="xxsmall"):
                    st.button("Chosen" if chosen else "Choose", key=f"{key}.{name}", on_click=choose, args=(name,),
                              type="primary" if chosen else "secondary", width="stretch")
                    if networks.has_source(name):
                        st.button("Customize", icon=":material/code:", key=f"{key}.{name}.code", type="tertiary",
                                  on_click=custom_form.customize, args=(form, name), help="Change its source.")
    _more(key, task)
    form.drawn["network"] = st.session_state[key]
    st.caption("Starts from scratch. Any picture size and number of channels works; the sizes are what the authors "
               "used.")


def _more(key: str, task: Task) -> None:
    """The long list, found by typing; a choice here takes the place of the chosen card."""
    names = [name for name in task.networks if not NETWORKS[name].standard]
    if not names:
        return
    start(f"{key}.more", st.session_state[key] if st.session_state[key] in names else None)

    def choose() -> None:
        if st.session_state[f"{key}.more"]:
            st.session_state[key] = st.session_state[f"{key}.more"]

    st.selectbox("More networks", names, key=f"{key}.more", on_change=choose, format_func=about, index=None,
                 placeholder=f"{len(names)} more: type to search", persist_state="session")


def about(name: str) -> str:
    """A network in one line: title, size, work."""
    spec = NETWORKS[name]
    facts = [f"{spec.parameters / 1e6:.1f} M parameters"] * bool(spec.parameters)
    facts += [f"{spec.gflops:.2g} GFLOPs"] * bool(spec.gflops)
    return " · ".join([spec.title, *facts])


def earlier(workspace: Workspace, form: OptionsForm, task: Task, kind: Kind, none_yet: str) -> None:
    """Choose a model: its network is taken, with the weights of one of its epochs or without any."""
    ready = {view.id: view for view in workspace.store.jobs(kind)
             if view.job.kind is kind and _suits(view, task) and models.checkpoints(view)}
    if not ready:
        st.caption(none_yet)
        show_problems(form.prefix, "start_model", "")
        return
    wanted, key = form.initial["start_model"], f"{form.key('start_model')}.{kind.value}"
    start(key, wanted if wanted in ready else next(iter(ready)))
    chosen = st.selectbox("Model", list(ready), key=key, persist_state="session",
                          format_func=lambda job_id: _words(ready[job_id]))
    show_problems(form.prefix, "start_model", chosen)
    if chosen in ready:
        form.drawn |= networks.described(ready[chosen])
        _weights(form, ready[chosen])


def _suits(view: JobView, task: Task) -> bool:
    """Whether this task can learn with a model's network; an imported one is either for pixels or for pictures."""
    known = tasks().get(view.job.task)
    return network_of(view) in (*task.networks, CUSTOM) or (
        network_of(view) == CAFFE and known is not None and known.dense == task.dense)


def _words(view: JobView) -> str:
    reached = result(view)
    return f"{view.name} · {percent(reached / 100)}" if reached is not None else view.name


def _weights(form: OptionsForm, view: JobView) -> None:
    epochs = [f"{float(row['epoch']):g}" for row in reversed(models.checkpoints(view))]
    known, before = [NO_WEIGHTS, "best", "last", *epochs], form.initial["start_checkpoint"]
    key = f"{form.key('start_checkpoint')}.{view.id}"
    start(key, before if before in known else "best")
    chosen = st.selectbox("Weights of epoch", known, key=key, persist_state="session",
                          format_func=lambda which: "none, only its network" if which == NO_WEIGHTS else which)
    st.caption(f"Network: {title(network_of(view))}. Layers that fit take its weights; a last layer of "
               "another size starts anew. The new model's page lists which.")
    if chosen != NO_WEIGHTS:
        form.drawn |= {"start_model": view.id, "start_checkpoint": chosen}
        form.draw(TUNING, columns=1)


def network_of(view: JobView) -> str:
    """The name of a model's network, from what the list has read already; empty when its files do not say."""
    return str(view.job.options.get("network") or figures(view).get("network") or "")
