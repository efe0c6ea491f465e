"""The pictures that a network is worst at: each as it is in the dataset, and what the network makes of it."""

from typing import Any

import streamlit as st

from digits_core import views
from digits_core.errors import DigitsError
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services import datasets, inference, thumbnails
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.text import number, plain

Json = dict[str, Any]
PAGE = 6


def draw(workspace: Workspace, view: JobView, split: str, report: Json) -> None:
    """A page of pairs: the truth above, the answer below."""
    rows = [row for row in report.get("pictures") or [] if isinstance(row, list) and len(row) == 2]
    if not rows:
        return
    st.markdown("**Where it is worst**")
    pager = f"model.worst.{view.id}.{split}"
    page = int(st.session_state.get(pager, 1))
    shown = rows[(page - 1) * PAGE:page * PAGE]
    with session.readable("The dataset's pictures"):
        dataset = str(view.job.options.get("dataset"))
        found = datasets.samples(workspace, dataset, split, limit=PAGE, places=[int(row[0]) for row in shown])
        answers = _answers(workspace, view, dataset, split, [sample.index for sample in found.items])
        with st.grid(PAGE, min_column_width=150, gap="small"):
            for sample, (_, score), (png, words) in zip(found.items, shown, answers, strict=True):
                with st.container(gap="xxsmall"):
                    st.image(sample.png, width="stretch", alt=sample.path)
                    if png:
                        st.image(png, width="stretch", alt="The answer")
                    told = " → ".join(plain(part) for part in (sample.words or sample.class_name, words) if part)
                    st.caption(" · ".join(part for part in (told, f"{number(score) or 0:.3g}") if part),
                               help=plain(f"{sample.path} ({split} {sample.index})"))
    if len(rows) > PAGE:
        st.pagination(-(-len(rows) // PAGE), key=pager)
    st.caption("Above what is in the dataset, below what the best checkpoint makes of it; the score of each picture "
               "beneath.")


def _answers(workspace: Workspace, view: JobView, dataset: str, split: str, places: list[int]
             ) -> list[tuple[bytes | None, str]]:
    """What the view makes of the answers: its first picture, or the labels; nothing where the model cannot be asked."""
    try:
        sources = [f"record:{dataset}/{split}/{place}" for place in places]
        known = thumbnails.record_pictures(workspace, sources)
        images = [(source, known[source]) for source in sources]
        model, answers = view.id, []
        if view.job.kind is Kind.INFERENCE:
            model, answers = str(view.job.options["model"]), inference.batch_rows(workspace, view.id, places)
        answers = answers or inference.classify(workspace, session.user(), model, images)
        panels = [inference.panels(workspace, model, image, answer, {})
                  for image, answer in zip(images, answers, strict=True)]
    except (DigitsError, KeyError):
        return [(None, "")] * len(places)
    return [(next((panel.png for panel in found if isinstance(panel, views.Picture)), None),
             next((_said(panel) for panel in found if isinstance(panel, views.Bars)), "")) for found in panels]


def _said(bars: views.Bars) -> str:
    return ", ".join(bars.counting() if bars.marks else [name for name, _ in bars.rows[:1]]) or "nothing"
