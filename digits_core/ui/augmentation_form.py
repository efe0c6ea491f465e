"""The part of the model form about augmentation: its options, and what they do to the dataset's own pictures."""

import json
from typing import Any

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.jobs.model import Status
from digits_core.services import augmentation
from digits_core.services.workspace import Workspace
from digits_core.train.augment_options import AugmentOptions
from digits_core.ui import session
from digits_core.ui.forms import OptionsForm
from digits_core.ui.text import plain

Json = dict[str, Any]
SHAPES = ("flip", "turns")
NUMBERS = ("rotation", "rescale", "noise", "contrast", "mixup", "cutmix", "hsv", "hsv_hue", "hsv_saturation",
           "hsv_value")


def draw(workspace: Workspace, form: OptionsForm, dataset: str) -> None:
    """Options at the left, a live preview at the right once something is chosen."""
    if not set(SHAPES) <= set(form.fields):
        return
    with st.expander("Data augmentation", icon=":material/auto_awesome:", expanded=_is_on(form)):
        left, right = st.columns([1.1, 1], gap="large")
        with left:
            form.draw(SHAPES)
            form.draw([name for name in NUMBERS if name in form.fields], columns=3)  # some are for classifiers alone
        with right:
            _preview(workspace, form, dataset)


def _is_on(form: OptionsForm) -> bool:
    """Whether anything is other than its default (the strengths of HSV do nothing by themselves)."""
    return any(form.value(name) != form.fields[name].default for name in (*SHAPES, *NUMBERS)
               if name in form.fields and not name.startswith("hsv_"))


def _preview(workspace: Workspace, form: OptionsForm, dataset: str) -> None:
    if not _is_on(form):
        st.caption("Choose something, and your own pictures show here what it does.")
        return
    if not dataset or workspace.store.get(dataset).status is not Status.DONE:
        st.caption("The preview appears when the dataset is done.")
        return
    key = f"{form.prefix}.augmentation.seed"
    seed = st.session_state.setdefault(key, 0)
    options = {name: form.value(name) for name in (*AugmentOptions.model_fields, "crop")}
    try:
        pictures = _pictures(workspace, session.user(), dataset, json.dumps(options), seed)
    except DigitsError as error:
        st.warning(plain(error), icon=":material/warning:")
        return
    with st.grid(4, min_column_width=60, gap="xsmall"):
        for picture in pictures:
            st.image(picture, width="stretch", alt="augmented picture")

    def others() -> None:
        st.session_state[key] += 1

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Other pictures", icon=":material/refresh:", key=f"{key}.next", on_click=others)
        st.caption("Each row is one training picture, four times as the network gets it.", width="content")


@st.cache_data(max_entries=64, ttl=3600, show_spinner="Drawing the preview …")
def _pictures(_workspace: Workspace, _user: str, dataset: str, options: str, seed: int) -> list[bytes]:
    return augmentation.augmentation_preview(_workspace, _user, dataset, json.loads(options), seed)
