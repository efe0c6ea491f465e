"""Pictures of an evaluation whose label can be changed on the spot: collected, then a new version of the dataset."""

from typing import Any

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import labels
from digits_core.services.workspace import Workspace
from digits_core.ui import dataset_edits
from digits_core.ui.text import plain

Json = dict[str, Any]


def bar(workspace: Workspace, rows: list[Json], key: str) -> JobView | None:
    """What was collected, and buttons for the whole page; gives the dataset, None when there is nothing to change."""
    data = labels.dataset_of(workspace, rows[0]) if rows else None
    if data is None:
        return None
    dataset_edits.bar(workspace, data)
    wrong = [row for row in rows if row.get("issue")]  # a mistake says nothing about its label
    with st.container(horizontal=True, vertical_alignment="center"):
        for do, words, icon in (("relabel", f"Give these {len(wrong)} the suggested class", ":material/label:"),
                                ("exclude", f"Leave these {len(wrong)} out", ":material/block:")):
            if wrong and st.button(words, icon=icon, key=f"{key}.all.{do}"):
                for row in wrong:
                    _collect(data, row, do)
                st.rerun()
        st.caption(f"Changes are collected and become a new version of **{plain(data.name)}**, which stays as it is.")
    return data


def choices(data: JobView, row: Json, key: str) -> None:
    """Under a picture: what becomes of it, or what was decided, which can be taken back."""
    changes = dataset_edits.collected(data)
    made = [deed for deed in labels.DEEDS if (row["split"], row["index"], deed) in changes]
    where = f"{key}.{row['split']}.{row['index']}"
    with st.container(horizontal=True, gap="xxsmall"):
        if made:
            words = "left out" if made[0] == "exclude" else f"→ {plain(labels.edit(row, 'relabel')['label'])}"
            if st.button(words, icon=":material/undo:", key=f"{where}.undo", type="tertiary", help="Take it back."):
                _forget(data, row)
                st.rerun()
            return
        for do, icon in (("relabel", ":material/label:"), ("exclude", ":material/block:")):
            right = labels.edit(row, "relabel")["label"]
            words = f"Its class is {plain(right)}" if do == "relabel" else "Leave it out"
            if st.button(icon, key=f"{where}.{do}", type="tertiary", help=words):
                _collect(data, row, do)
                st.rerun()


def _collect(data: JobView, row: Json, do: str) -> None:
    _forget(data, row)
    dataset_edits.collect(data, labels.edit(row, do))


def _forget(data: JobView, row: Json) -> None:
    for deed in labels.DEEDS:
        dataset_edits.collected(data).pop((row["split"], row["index"], deed), None)
