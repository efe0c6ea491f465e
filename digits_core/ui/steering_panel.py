"""Steering a training from its page: finish it now, another learning rate, more epochs."""

from collections.abc import Callable

import streamlit as st

from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services import steering
from digits_core.ui import session

Act = Callable[[Callable[[], object]], None]


def draw(view: JobView, act: Act) -> None:
    """The buttons that make sense for this training now; ``act`` does one and draws the page again."""
    if view.job.kind is not Kind.MODEL or not view.job.task:
        return
    if view.status.is_live:
        with st.popover("Steer", icon=":material/tune:", key="job.steer"):
            _running(view, act)
    elif view.status in (Status.DONE, Status.STOPPED, Status.FAILED):
        with st.popover("More epochs", icon=":material/add_circle:", key="job.more_epochs"):
            _ended(view, act)


def _running(view: JobView, act: Act) -> None:
    workspace, user = session.workspace(), session.user()
    if st.button("Finish now and keep", icon=":material/flag:", key="job.finish",
                 help="Ends after the current step: measured, evaluated, done. Stop keeps it for a resume instead."):
        act(lambda: steering.finish_now(workspace, user, view.id))
    with st.form("job.rate", border=False):
        factor = st.number_input("Learning rate times", min_value=0.000001, max_value=1_000_000.0, value=0.1,
                                 format="%g", key=f"job.factor.{view.id}")
        if st.form_submit_button("Change from now on", icon=":material/speed:"):
            act(lambda: steering.change_rate(workspace, user, view.id, float(factor)))


def _ended(view: JobView, act: Act) -> None:
    with st.form("job.epochs", border=False):
        epochs = st.number_input("Epochs", min_value=1, max_value=steering.MOST_EPOCHS, value=5,
                                 key=f"job.epochs.{view.id}",
                                 help="The same job goes on from where it stands. The learning-rate policy is "
                                      "stretched over the new length, as if that had been asked for at the start.")
        if st.form_submit_button("Go on", icon=":material/play_arrow:"):
            act(lambda: steering.more_epochs(session.workspace(), session.user(), view.id, int(epochs)))
