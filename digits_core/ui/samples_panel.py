"""What a model made while it learned, epoch by epoch."""

import streamlit as st

from digits_core.infer.tiles import repeated
from digits_core.jobs.store import JobView
from digits_core.services import making
from digits_core.services.workspace import Workspace

WIDTH = 560
"""Pixels that a sheet takes at least: small ones are enlarged pixel by pixel, where a browser would blur them."""


def draw(workspace: Workspace, view: JobView) -> None:
    """The newest sheet, or that of the epoch on the slider."""
    epochs = [f"{epoch:g}" for epoch in making.samples(view)]
    with st.container(border=True):
        st.markdown("**Samples**")
        chosen = _epoch(view, epochs)
        st.image(repeated(making.sample(workspace, view.id, chosen), WIDTH), width="stretch",
                 alt=f"Samples of epoch {chosen}")
        st.caption("Made from the same random numbers each time; with classes a row is a class (of the first ten), and "
                   "a column has the same numbers.")


def _epoch(view: JobView, epochs: list[str]) -> str:
    """The slider; who leaves it at the end stays with the newest."""
    key, newest = f"samples.{view.id}", f"samples.{view.id}.newest"
    if len(epochs) == 1:
        return epochs[0]
    if st.session_state.get(key) in (None, st.session_state.get(newest)) or st.session_state[key] not in epochs:
        st.session_state[key] = epochs[-1]
    st.session_state[newest] = epochs[-1]
    return st.select_slider("Epoch", epochs, key=key) or epochs[-1]
