"""A generator on the Inference page: what it shall make, from which pictures, and what came of it."""

from typing import Any

import streamlit as st

from digits_core import views
from digits_core.infer.making import MakeOptions
from digits_core.infer.tiles import repeated
from digits_core.services import making, models
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.ui import answer_view, as_code, session
from digits_core.ui.forms import OptionsForm
from digits_core.ui.frame import empty
from digits_core.ui.text import plain
from digits_core.ui.widgets import start

Json = dict[str, Any]
TYPES = ["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm"]
SLIDERS = 12
"""Classes at most for which there are sliders; more are mixed through REST and command line."""
WIDTH = 560


def controls(workspace: Workspace, model: str, checkpoint: str) -> tuple[Json, list[tuple[str, bytes]]]:
    """The form at the left: options, and pictures where they are of use."""
    first = as_code.started("make", {"origin": "make"})
    form = OptionsForm(first["origin"], MakeOptions, first.get("options"))
    form.draw(("method",))
    form.draw(("seed", "to_seed", "rows", "columns", "steps"), columns=2)
    labels = models.labels(workspace.store.get(model))
    for name in ("plus", "minus") if form.value("method") == "analogy" else ():
        _class(form, name, labels)
    form.draw(("strength", "count"), columns=2)
    form.drawn["weights"] = []
    if form.value("method") in ("grid", "path") and making.knows_classes(workspace, model) and len(labels) <= SLIDERS:
        _weights(form, labels)
    pictures = []
    if form.value("method") != "grid":
        pictures = st.file_uploader("Pictures to begin with", TYPES, accept_multiple_files=True, key="make.files",
                                    max_upload_size=100, help="They are encoded: their z takes the place of random "
                                                              "numbers.") or []
    as_code.panel(Asked("make", MakeOptions, {"model": model, "checkpoint": checkpoint}, form.values()), form, "make",
                  first, note="The pictures are not in it." if pictures else "")
    return form.values(), [(file.name, file.getvalue()) for file in pictures]


def _class(form: OptionsForm, name: str, labels: list[str]) -> None:
    wanted = form.value(name)
    start(form.key(name), wanted if wanted in labels else labels[0 if name == "plus" else -1] if labels else "")
    form.drawn[name] = st.selectbox(form.fields[name].title, labels, key=form.key(name), help=form.fields[name].help)


def _weights(form: OptionsForm, labels: list[str]) -> None:
    """A slider for each class; with all at 0 there is a row for each."""
    with st.expander("Mix classes", icon=":material/tune:"):
        with st.grid(2, min_column_width=110, gap="small"):
            given = [*form.initial["weights"], *[0.0] * len(labels)]
            weights = [st.slider(plain(label), 0.0, 1.0, given[number], 0.05, key=f"{form.prefix}.weight.{number}")
                       for number, label in enumerate(labels)]
        st.caption("With all at 0 there is a row for each class.")
    form.drawn["weights"] = weights if any(weights) else []


def draw(workspace: Workspace, model: str, checkpoint: str, options: Json, pictures: list[tuple[str, bytes]]) -> None:
    """What the model makes of it, at once."""
    if options["method"] in ("encode", "analogy") and not pictures:
        with empty("add_photo_alternate", "Drop a picture at the left",
                   "Its code is found, and the generator makes pictures of it."):
            pass
        return
    with session.shown(), st.spinner("Asking the generator …", show_time=True):
        panels = making.make(workspace, session.user(), model, options, pictures, checkpoint)
        for number, panel in enumerate(panels):
            _show(panel, number, str(options["method"]))


def _show(panel: views.Panel, number: int, method: str) -> None:
    if not isinstance(panel, views.Picture):
        answer_view.show(panel, f"make.{number}")
        return
    film = panel.png.startswith(b"GIF")
    with st.container(gap="xxsmall"):
        st.image(panel.png if film else repeated(panel.png, WIDTH), width="content",
                 caption=plain(panel.caption) or None)
        st.download_button("GIF" if film else "PNG", panel.png, f"{method}.{'gif' if film else 'png'}",
                           icon=":material/download:", key=f"make.save.{number}", on_click="ignore", type="tertiary")
