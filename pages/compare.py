"""Compare: the curves of many trainings, filtered by their settings, and what those led to."""

import streamlit as st

from digits_core.services import compare
from digits_core.ui import bulk, compare_charts, compare_filters, compare_panels, session
from digits_core.ui.frame import empty, head

workspace = session.workspace()
head("Compare")
bulk.said()
views = compare.trainings(workspace)
compare_filters.begin()
if not views:
    with empty("stacked_line_chart", "Nothing to compare yet", "Train several networks, or one network with several "
               "settings. Their curves stand here on one chart, filtered by what differs."):
        if st.button("Train a model", type="primary", icon=":material/add:", key="compare.train"):
            st.switch_page("models.py", query_params={"new": "classification"})
    st.stop()

with session.shown():
    found = compare_panels.load(workspace, views)
    fresh = [found]
    drawn = [(run.id, run.status) for run in found.runs]
    left, right = st.columns([1, 4], gap="medium")
    with left:
        compare_filters.source(views)
        compare_filters.settings(found)
    with right:
        metrics, look = compare_panels.controls(found)

    @st.fragment(run_every=max(2, len(drawn) // 50) if compare_panels.is_live(found) else None)
    def live() -> None:
        """Curves and table; a change of state, of the selection or of what is shown draws the whole page."""
        now = fresh.pop() if fresh else compare_panels.load(workspace)
        if [(run.id, run.status) for run in now.runs] != drawn or now.differing != found.differing:
            st.rerun()
        runs = compare.shown(now, compare_filters.off(), compare_filters.hidden())
        compare_panels.curves(now, runs, metrics, look)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            differences = st.toggle("Differences only", True, key="diff", bind="query-params")
            compare_panels.show_all(now)
        picked = compare_panels.table(now, runs, metrics, not differences)
        lines = st.expander("Parallel coordinates", icon=":material/account_tree:", key="compare.parallel.open",
                            expanded=len(found.differing) > 0 and len(found.runs) <= compare_charts.MANY,
                            on_change="rerun")
        if lines.open:  # many lines take the browser seconds, below what is looked at first
            with lines:
                compare_panels.parallel(now, runs, metrics)
        switched = st.session_state.pop("compare.switched", False)
        if picked != st.session_state.get("compare.picked", []) or switched:
            st.session_state["compare.picked"] = picked
            st.rerun()

    with right:
        live()
    compare_filters.keep_in_address()
    bulk.bar([job_id for job_id in st.session_state.get("compare.picked", []) if job_id in dict(drawn)])
