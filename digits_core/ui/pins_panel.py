"""What every new version of a published model must get right: shown, added, removed."""

from typing import Any

import streamlit as st

from digits_core.errors import BadData
from digits_core.jobs.model import Kind, Status
from digits_core.modelstore.right import sliced, told
from digits_core.services import pin_wants, pins
from digits_core.services.datasets import manifest
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from digits_core.ui import session
from digits_core.ui.forms import said, submit
from digits_core.ui.text import plain, plural

Json = dict[str, Any]


@st.dialog("Pins", icon=":material/push_pin:", width="large")
def dialog(workspace: Workspace, model: Json) -> None:
    """Pins of a published model, and the forms for new ones."""
    name = model["name"]
    st.markdown(f"A new version of **{plain(name)}** is published only when it gets all of this right.")
    with session.shown():
        asks, limit = pins.asks(workspace, name)
        found = pins.pins(workspace, name)
        _pictures(workspace, name, found["pictures"])
        for pin in found["slices"]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(sliced(pin))}**: at least {pin['at_least']:.0%}")
                _remove(workspace, name, pin)
        if not found["pictures"] and not found["slices"]:
            st.caption("Nothing is pinned yet.")
        said("pins")
        pictures, classes = st.tabs(["Pin pictures", "Pin a class of a dataset" if asks == "label" else
                                     "Pin a split of a dataset"])
        with pictures:
            ADD[asks](workspace, name)
        with classes:
            _add_slice(workspace, name, model["versions"][0]["task"], asks, limit)


def _pictures(workspace: Workspace, name: str, rows: list[Json]) -> None:
    with st.grid(6, gap="small", min_column_width=110):
        for pin in rows[:24]:
            with st.container(gap="xxsmall"):
                st.image(pins.pinned_picture(workspace, name, pin["id"]), width="stretch")
                if "psnr" in pin:
                    st.image(pin_wants.wanted_picture(workspace, name, pin["id"]), width="stretch")
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.caption(plain(told(pin)))
                    _remove(workspace, name, pin)
    if len(rows) > 24:
        st.caption(f"and {plural(len(rows) - 24, 'picture')} more")


def _remove(workspace: Workspace, name: str, pin: Json) -> None:
    if st.button("", icon=":material/close:", key=f"pins.remove.{pin['id']}", type="tertiary", help="Remove this pin"):
        submit("pins", {}, lambda: pins.unpin(workspace, session.user(), name, pin["id"]))
        st.rerun(scope="fragment")


def _add_labelled(workspace: Workspace, name: str) -> None:
    files = st.file_uploader("Pictures", accept_multiple_files=True, key=f"pins.files.{name}", max_upload_size=20)
    label = st.selectbox("They show", pins.labels(workspace, name), key=f"pins.label.{name}") or ""
    if st.button("Pin", icon=":material/push_pin:", key="pins.add", disabled=not files):
        images = [(file.name, file.getvalue()) for file in files]
        submit("pins", {}, lambda: pins.pin_pictures(workspace, session.user(), name, images, label))
        st.rerun(scope="fragment")


def _add_values(workspace: Workspace, name: str) -> None:
    """A number for each column; an empty one is not pinned. They start with what the newest version says."""
    file = st.file_uploader("Picture", key=f"pins.file.{name}", max_upload_size=20)
    if file is None:
        st.caption("Then say which numbers must come out, and how far each may be off.")
        return
    now = _now(workspace, name, (file.name, file.getvalue()))
    values = []
    for number, label in enumerate(pins.labels(workspace, name)):
        left, right = st.columns(2)
        key = f"pins.{file.file_id}.{number}"
        value = left.number_input(f"{plain(label)} is", value=now.get(label), key=key, format="%.6g",
                                  help="In the units of the dataset; empty: not pinned.")
        within = right.number_input("May be off by", 0.0, value=None, key=f"{key}.within", format="%.6g",
                                    help="In the same units, up or down.")
        if value is not None:
            values.append({"label": label, "value": value, "within": within})
    if st.button("Pin", icon=":material/push_pin:", key="pins.add"):
        image = file.name, file.getvalue()
        submit("pins", {}, lambda: pin_wants.pin_values(workspace, session.user(), name, [image], values))
        st.rerun(scope="fragment")


def _now(workspace: Workspace, name: str, image: tuple[str, bytes]) -> dict[str, float]:
    """What the newest version says, by name; asked once a picture."""
    key, known = ("pins.now", name, hash(image)), st.session_state.get("pins.now")
    if known is None or known[0] != key:
        try:
            with st.spinner("Asking the newest version ..."):
                answer = pin_wants.said(workspace, name, image)
            known = key, {row["label"]: float(row["value"]) for row in answer["values"]}, ""
        except BadData as error:
            known = key, {}, str(error)
        st.session_state["pins.now"] = known
    st.caption(plain(known[2]) or "These numbers are what the newest version says. Put the true ones in their place.")
    found: dict[str, float] = known[1]
    return found


def _add_target(workspace: Workspace, name: str) -> None:
    left, right = st.columns(2)
    file = left.file_uploader("Picture", key=f"pins.file.{name}", max_upload_size=20)
    target = right.file_uploader("What is to be made of it", key=f"pins.target.{name}", max_upload_size=20,
                                 help="Empty: what the newest version makes of it now.")
    psnr = st.number_input("PSNR of at least (dB)", 1.0, 100.0, pin_wants.LIKE, 1.0, key=f"pins.psnr.{name}",
                           help="From about 30 dB two pictures look alike; 100 dB are equal.")
    if st.button("Pin", icon=":material/push_pin:", key="pins.add", disabled=file is None) and file is not None:
        wanted = (target.name, target.getvalue()) if target else None
        submit("pins", {}, lambda: pin_wants.pin_target(
            workspace, session.user(), name, (file.name, file.getvalue()), wanted, float(psnr)))
        st.rerun(scope="fragment")


ADD = {"label": _add_labelled, "values": _add_values, "target": _add_target}
"""The form of a pinned picture, by what it needs."""


def _add_slice(workspace: Workspace, name: str, kind: str, asks: str, limit: str) -> None:
    ready = {view.id: view for view in workspace.store.jobs(Kind.DATASET)
             if view.status is Status.DONE and view.job.task == task(kind).learns_from}
    if not ready or not (task(kind).names_labels or limit):
        st.caption("There is no dataset that could be pinned to this model.")
        return
    left, middle, right, last = st.columns([2, 1, 1, 1])
    dataset = left.selectbox("Dataset", list(ready), format_func=lambda job: ready[job].name, key="pins.dataset")
    facts = manifest(ready[dataset]) if dataset else {}
    split = middle.selectbox("Split", [one for one in ("val", "test", "train") if one in facts.get("splits", {})],
                             key="pins.split")
    every = "everything" if limit else "every class"
    label = "" if asks == "target" else right.selectbox(
        "Number" if limit else "Class", ["", *facts.get("labels", [])], key="pins.slice.label",
        format_func=lambda text: text or every)
    share = last.number_input("At least (%)", 1, 100, 90, key="pins.share")
    bound = st.number_input(limit, 0.0, value=None, key="pins.limit", format="%.6g") if limit else None
    if st.button("Pin", icon=":material/push_pin:", key="pins.slice.add"):
        submit("pins", {}, lambda: pins.pin_slice(workspace, session.user(), name, str(dataset), str(split),
                                                  label or "", float(share) / 100, bound))
        st.rerun(scope="fragment")
