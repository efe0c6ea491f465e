"""What a publishing found about the pins of a model: what was wanted, and what came in its place."""

from pathlib import Path
from typing import Any

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.modelstore.right import sliced, told
from digits_core.services import pin_wants, pins, team, thumbnails
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.text import count, percent, plain, plural

Json = dict[str, Any]
SHOWN = 24


def draw(workspace: Workspace, view: JobView) -> None:
    """What the model said about each pin, the wrong ones first with their pictures."""
    rows = team.gate(workspace, view.id)
    if not rows:
        st.caption("Nothing is pinned to this model. Pin pictures, or a split of a dataset, on the Model Store page: "
                   "every later version must get them right.")
        return
    pictures = [row for row in rows if "file" in row["pin"]]
    _pictures(workspace, view, "Wrong", [row for row in pictures if not row["right"]], 4)
    for row in sorted((row for row in rows if "file" not in row["pin"]), key=lambda row: bool(row["right"])):
        _slice(workspace, row)
    _pictures(workspace, view, "Right", [row for row in pictures if row["right"]], 6)


def _pictures(workspace: Workspace, view: JobView, title: str, rows: list[Json], columns: int) -> None:
    if not rows:
        return
    st.markdown(f"**{title}**: {plural(len(rows), 'picture')}")
    with st.grid(columns, gap="small", min_column_width=850 // columns, border=True):
        for row in rows[:SHOWN]:
            with st.container(gap="xxsmall"):
                _picture(workspace, view, row)
    if len(rows) > SHOWN:
        st.caption(f"and {plural(len(rows) - SHOWN, 'picture')} more")


def _picture(workspace: Workspace, view: JobView, row: Json) -> None:
    pin, name = row["pin"], str(view.job.options["published"])
    with session.readable("This picture"):
        st.image(pins.pinned_picture(workspace, name, pin["id"]), width="stretch")
    if row["right"]:
        st.markdown(f":green[:material/check:] {plain(told(pin))}", help=plain(pin["name"]))
        return
    st.markdown(f":red[:material/close:] **{plain(pin['name'])}**")
    if row.get("made"):
        with session.readable("These pictures"):
            left, right = st.columns(2, gap="xxsmall")
            left.image(pin_wants.wanted_picture(workspace, name, pin["id"]), "wanted", width="stretch")
            right.image(pin_wants.made_picture(workspace, view.id, pin["id"]), "came", width="stretch")
    if not row["said"] and row["why"] and "instead of" not in row["why"]:
        st.markdown(plain(row["why"].removeprefix(f"{pin['name']}: ")))
        return
    st.markdown(f"Wanted: {plain(row.get('wanted') or told(pin))}  \nCame: "
                f"{plain(' and '.join(row['said'] or []) or 'nothing')}")


def _slice(workspace: Workspace, row: Json) -> None:
    pin = row["pin"]
    mark = ":green[:material/check:]" if row["right"] else ":red[:material/close:]"
    share = plain(row["why"]) if row.get("said") is None else (
        f"{percent(row['said'])} of {count(row.get('entries'))} right, at least {percent(pin['at_least'])} asked for")
    st.markdown(f"{mark} **{plain(sliced(pin))}**: {share}")
    wrong = row.get("wrong") or []
    found = thumbnails.record_pictures(workspace, [str(one["source"]) for one in wrong])
    if wrong:
        with st.grid(6, gap="small", min_column_width=120):
            for one in wrong:
                if (picture := found.get(str(one["source"]))) is not None:
                    said = " and ".join(one["said"]) or "nothing"
                    st.image(picture, width="stretch",
                             caption=plain(f"{Path(one['path']).name}: {one['truth']}, not {said}"))
