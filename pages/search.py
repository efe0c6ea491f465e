"""A search: its trials, what the best of them reached, what mattered; without an id the list of all searches."""

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.services import search
from digits_core.ui import bulk, search_panels, session
from digits_core.ui.frame import empty, head
from digits_core.ui.text import plain

workspace = session.workspace()
search_id = st.query_params.get("id", "")

if not search_id:
    with head("Searches"):
        if st.button("New search", type="primary", icon=":material/add:", key="search.new"):
            st.switch_page("models.py", query_params={"new": "classification"})
    found = search.searches(workspace)
    if found:
        search_panels.listing(found)
    else:
        empty("travel_explore", "No search yet", "Under *Try several values* in the form of a new model, give options "
              "ranges or lists of values and choose *Search*.")
    st.stop()

try:
    drawn = search.describe(workspace, search_id)
except DigitsError as error:
    st.title("No such search", anchor=False)
    st.error(plain(error), icon=":material/search_off:")
    st.page_link("search.py", label="All searches", icon=":material/travel_explore:")
    st.stop()

with head(plain(drawn["name"])):
    search_panels.actions(workspace, drawn)
bulk.said()
search_panels.facts(drawn)
search_panels.trouble(drawn)
fresh = [drawn]


@st.fragment(run_every=3 if search_panels.is_live(drawn) else None)
def live() -> None:
    """The part that moves; a change of state or of the selection draws the whole page."""
    with session.readable("The search"):
        now = fresh.pop() if fresh else search.describe(workspace, search_id)
        if now["state"] != drawn["state"]:
            st.rerun()
        picked = search_panels.draw(workspace, now)
        if picked != st.session_state.get("search.picked", []):
            st.session_state["search.picked"] = picked
            st.rerun()


live()
bulk.bar([job_id for job_id in st.session_state.get("search.picked", [])
          if job_id in {row["id"] for row in drawn["rows"]}])
