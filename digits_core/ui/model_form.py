"""The form of a new model: dataset at the left, network in the middle, solver at the right, the rest below."""

from typing import Any

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.jobs import devices
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.search.options import SearchOptions
from digits_core.services import datasets, networks, search, sweeps
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task
from digits_core.train.options import GAMMA_DEFAULTS, POWER_DEFAULTS, TrainOptions
from digits_core.train.schedule import curve
from digits_core.ui import (
    as_code,
    augmentation_form,
    charts,
    custom_form,
    network_form,
    session,
    sweep_form,
    try_out_panel,
)
from digits_core.ui.dataset_panels import shape_words
from digits_core.ui.forms import OptionsForm, name_and_group, said, show_problems, submit
from digits_core.ui.text import plain, plural
from digits_core.ui.widgets import start

Json = dict[str, Any]
MAIN = ("epochs", "batch_size", "solver", "auto_batch", "learning_rate", "momentum", "rms_decay", "lr_policy",
        "lr_step", "lr_steps", "lr_gamma", "lr_power", "warmup_percent")
MORE = ("snapshot_interval", "val_interval", "seed", "accumulation", "weight_decay", "shuffle", "precision", "loading",
        "workers", "keep", "trace_steps", "notify")


def draw(workspace: Workspace, task: Task, first: Json) -> None:
    """The whole form. ``first`` holds what it starts with: name, group, dataset, options; ``origin`` tells forms apart.

    A finished form goes to the page of the new job.
    """
    first = as_code.started(f"model.{task.name}", first)
    prefix = f"model.{task.name}.{first['origin']}"
    form = OptionsForm(prefix, task.model_options, first["options"])
    form.drawn["task"] = task.name if task.datasets else ""
    name, group = name_and_group(prefix, first, "LeNet, first try")
    left, middle, right = st.columns([1, 1.25, 1.25], gap="medium")
    with left.container(border=True):
        dataset = _dataset(workspace, task, prefix, first.get("dataset", ""))
    if goal := own(form, "Goal"):
        with left.container(border=True):
            st.markdown("**:material/flag: Goal**")
            form.draw(goal)
    with middle.container(border=True):
        network_form.draw(workspace, form, task)
        form.draw(own(form, "Network"), columns=1)
    with right.container(border=True):
        _solver(form)
    custom_form.editor(form)
    with st.container(border=True):
        _below(form)
        sweep = sweep_form.draw(form, first)
    augmentation_form.draw(workspace, form, dataset)
    try_out_panel.draw(workspace, form, dataset)
    as_code.panel(_asked(task, form, sweep, {"name": name, "dataset": dataset, "group": group}), form,
                  f"model.{task.name}", first, sweeps=True)
    said(prefix)
    if st.button(_label(sweep), type="primary", icon=":material/play_arrow:", key=f"{prefix}.create"):
        _create(workspace, prefix, sweep, {"name": name, "dataset": dataset, "group": group,
                                           "options": {**form.values(), **sweep.values}})


def _asked(task: Task, form: OptionsForm, sweep: sweep_form.Sweep, head: Json) -> Asked:
    """What the form asks for: one training, several, or a search."""
    way = "search" if sweep.search else "sweep" if sweep.values else "model"
    return Asked(way, task.model_options, {**head, **({"draws": sweep.draws} if sweep.draws else {})},
                 {**form.values(), **sweep.values}, (SearchOptions, sweep.search) if sweep.search else None)


def _label(sweep: sweep_form.Sweep) -> str:
    if sweep.search:
        return f"Begin the search ({sweep.trainings} trials)"
    return "Create model" if sweep.trainings == 1 else f"Create {sweep.trainings} models"


def _create(workspace: Workspace, prefix: str, sweep: sweep_form.Sweep, asked: Json) -> None:
    """Make what the form asks for, and go to its page."""
    given = {**asked["options"], **(sweep.search or {}), **asked}
    if sweep.search:
        found = submit(prefix, given, lambda: search.create_search(workspace, session.user(), search=sweep.search or {},
                                                                   **asked))
        st.switch_page("search.py", query_params={"id": found["id"]})
    views = submit(prefix, given, lambda: sweeps.create_sweep(workspace, session.user(), draws=sweep.draws, **asked))
    if len(views) == 1:
        st.switch_page("job.py", query_params={"id": views[0].id})
    st.switch_page("compare.py", query_params={"runs": ",".join(view.id for view in views)})


def usable(views: list[JobView], task: str) -> list[JobView]:
    """Datasets that are done or will be, newest first."""
    bad = (Status.FAILED, Status.STOPPED, Status.DAMAGED)
    return [view for view in views if view.job.task == task and view.status not in bad]


def _dataset(workspace: Workspace, task: Task, prefix: str, wanted: str) -> str:
    st.markdown("**:material/photo_library: Dataset**")
    found = {view.id: view for view in usable(workspace.store.jobs(Kind.DATASET), task.learns_from)}
    if not found:
        st.caption("There is no dataset yet.")
        if st.button("New dataset", icon=":material/add:", key=f"{prefix}.new_dataset"):
            st.switch_page("datasets.py", query_params={"new": task.learns_from})
        return ""
    start(f"{prefix}.dataset", wanted if wanted in found else next(iter(found)))
    chosen = st.selectbox("Dataset", list(found), key=f"{prefix}.dataset", label_visibility="collapsed",
                          format_func=lambda job_id: found[job_id].name, persist_state="session")
    show_problems(prefix, "dataset", chosen)
    if chosen in found:
        with session.readable("The dataset"):
            _dataset_card(workspace, found[chosen])
    return chosen or ""


def _dataset_card(workspace: Workspace, view: JobView) -> None:
    if view.status is not Status.DONE:
        st.caption("It is still being built; the model waits for it.")
        return
    manifest = datasets.manifest(view)
    st.caption(f"{plural(len(manifest['labels']), 'class')} · {plural(int(manifest['used']), 'picture')} · "
               f"{shape_words(manifest)}")
    page = datasets.samples(workspace, view.id, "train", limit=8)
    with st.grid(4, min_column_width=40, gap="xsmall"):
        for sample in page.items:
            st.image(sample.png, width="stretch", alt=sample.class_name)


def _solver(form: OptionsForm) -> None:
    st.markdown("**:material/tune: Solver**")
    _follow_policy(form)
    form.draw((*MAIN, *own(form, "Solver")), columns=2)
    shaping = [name for name in form.fields if name.startswith(("lr_", "learning", "warmup"))]
    try:
        points = curve(form.checked(shaping), 401)
    except (DigitsError, ValueError, ArithmeticError):
        st.caption("The learning-rate curve appears when its fields make sense.")
        return
    charts.draw(charts.rate(points, "% of training"), f"{form.prefix}.curve", 180)


def own(form: OptionsForm, group: str) -> list[str]:
    """The options of a group that only trainings of this task have."""
    return [name for name, field in form.fields.items()
            if field.group == group and name not in TrainOptions.model_fields]


def _follow_policy(form: OptionsForm) -> None:
    """Another policy brings its usual gamma and power."""
    policy, seen = form.value("lr_policy"), f"{form.prefix}.policy"
    if st.session_state.setdefault(seen, policy) != policy:
        st.session_state[seen] = policy
        for name, usual in (("lr_gamma", GAMMA_DEFAULTS), ("lr_power", POWER_DEFAULTS)):
            if policy in usual:
                st.session_state[form.key(name)] = usual[policy]


def _below(form: OptionsForm) -> None:
    left, right = st.columns(2, gap="large") if "mean" in form.fields else (None, st.container())
    if left is not None:
        with left:
            st.markdown("**:material/crop: Data**")
            form.draw(("mean",))
            form.draw(("crop",), columns=2)
    with right:
        st.markdown("**:material/memory: Hardware**")
        form.draw(("device",))
        if form.value("device") != "cpu":
            _gpus(form)
    with st.expander("Loss, regularisation, early stopping", icon=":material/balance:"):
        form.draw([name for name, field in form.fields.items() if field.group == "Regularisation"], columns=3)
    with st.expander("Advanced", icon=":material/settings:"):
        form.draw(MORE, columns=4)


def _gpus(form: OptionsForm) -> None:
    cards = {card.index: card for card in devices.gpus()}
    if not cards:
        st.caption("This machine has no GPU." + (" The job would wait for one." if form.value("device") == "gpu" else
                                                 " The CPU is used."))
        return
    form.draw(("gpu_count",))
    start(form.key("gpus"), [index for index in form.value("gpu_list") if index in cards])
    form.drawn["gpu_list"] = st.multiselect(
        "These GPUs", list(cards), key=form.key("gpus"), placeholder="the next free ones", persist_state="session",
        format_func=lambda index: f"{index}: {cards[index].name}", help="The job waits until all of them are free.")
    show_problems(form.prefix, "gpu_list", form.drawn["gpu_list"])


def origin(workspace: Workspace) -> Json:
    """What the address asks the form to start with: a clone, a dataset, a trained model."""
    asked = {name: st.query_params.get(name, "") for name in ("clone", "dataset", "start", "checkpoint")}
    first: Json = {"origin": "-".join(value for value in asked.values() if value) or "new", "options": {},
                   "dataset": asked["dataset"]}
    if asked["clone"]:
        view = workspace.store.get(asked["clone"])
        first |= {"name": view.name, "group": view.group, "options": view.job.options,
                  "dataset": str(view.job.options.get("dataset", ""))}
    elif asked["start"]:
        view = workspace.store.get(asked["start"])
        kept = networks.described(view)
        first |= {"name": f"{view.name}, continued", "dataset": str(view.job.options.get("dataset", "")),
                  "options": {**kept, "start_model": view.id, "start_checkpoint": asked["checkpoint"] or "best"}}
    if first.get("name"):
        st.caption(f"Filled in from {plain(view.name)}.")
    return first
