"""The list of pages: what the top bar shows, and the detail pages behind links."""

import streamlit as st

st.set_page_config(page_title="DIGITS", page_icon="🔢", layout="wide")
page = st.navigation([
    st.Page("home.py", title="Home", icon=":material/home:", default=True),
    st.Page("datasets.py", title="Datasets", icon=":material/photo_library:"),
    st.Page("models.py", title="Models", icon=":material/neurology:"),
    st.Page("inference.py", title="Inference", icon=":material/image_search:"),
    st.Page("compare.py", title="Compare", icon=":material/stacked_line_chart:"),
    st.Page("model_store.py", title="Model Store", icon=":material/deployed_code:"),
    st.Page("system.py", title="System", icon=":material/memory:"),
    st.Page("search.py", title="Search", visibility="hidden"),
    st.Page("job.py", title="Job", visibility="hidden"),
], position="top")
page.run()
