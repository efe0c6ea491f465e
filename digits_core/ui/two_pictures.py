"""Two pictures side by side: how far apart a model places them, and whether it takes them to be of one class."""

import streamlit as st

from digits_core.services import similarity
from digits_core.services.workspace import Workspace
from digits_core.ui import inference_form, session
from digits_core.ui.frame import empty
from digits_core.ui.text import number, plain

Picture = tuple[str, bytes]


def choose(workspace: Workspace) -> list[Picture | None]:
    """Both pictures, one after the other; None while there is none."""
    found = []
    for name, title in (("first", "First picture"), ("second", "Second picture")):
        st.markdown(f"**{title}**")
        found.append(inference_form.one_picture(workspace, key=f"inference.{name}"))
    return found


def draw(workspace: Workspace, model: str, checkpoint: str, first: Picture | None, second: Picture | None) -> None:
    """The verdict above both pictures, each with what it is called by itself."""
    if first is None or second is None:
        with empty("compare", "Choose two pictures at the left", "They are compared at once: how far apart they are, "
                   "and whether they are of the same class."):
            return
    with session.shown(), st.spinner("Asking the network …", show_time=True):
        found = similarity.compare_pictures(workspace, session.user(), model, first, second, checkpoint)
        distance, threshold = number(found["distance"]) or 0.0, number(found["threshold"])
        with st.grid(3, border=True, gap="small", min_column_width=150):
            st.metric("Distance", f"{distance:.3f}", help="0: no difference; 2: the largest there is.")
            st.metric("Threshold", "–" if threshold is None else f"{threshold:.3f}",
                      help="Tells same from different classes best, on validation pictures.")
            st.metric("Class", {True: "the same", False: "different"}.get(found["same"], "–"))
        if threshold is None:
            st.caption("The threshold is known of the best checkpoint, when its training has ended.")
        for column, picture, answer in zip(st.columns(2, gap="large"), (first, second),
                                           (found["first"], found["second"]), strict=True):
            with column, session.readable("The picture"):
                st.image(picture[1], width="stretch", alt=picture[0])
                best = answer["predictions"][:1]
                st.caption(" · ".join(plain(words) for words in (picture[0], *(row["label"] for row in best))))
