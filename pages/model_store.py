"""Model Store: models of this server, our team, torchvision and other stores; bring one here, start from one."""

import streamlit as st

from digits_core.services import store
from digits_core.ui import bulk, session, store_page, store_panels, weights_panels
from digits_core.ui.frame import head

workspace = session.workspace()
with head("Model Store"):
    if st.button("Get weights", icon=":material/cloud_download:", key="store.weights", help="Networks that torchvision "
                 "publishes, trained on ImageNet."):
        weights_panels.get_dialog(workspace)
    if st.button("Import weights", icon=":material/upload_file:", key="store.own", help="A .pth, .pt or .safetensors "
                 "file of a known network."):
        weights_panels.import_dialog(workspace)
    if st.button("Import a model", type="primary", icon=":material/upload:", key="store.open"):
        store_panels.import_dialog(workspace)
bulk.said()

with st.container(horizontal=True):
    text = st.text_input("Filter", key="store.filter", placeholder="Filter: name, note, licence, network ...",
                         icon=":material/search:", live="300ms", label_visibility="collapsed") or ""
    if st.button("Update model list", icon=":material/sync:", key="store.update", help="Read all stores again.",
                 disabled=not workspace.settings.model_stores):
        store.wake(workspace, every=True)
store.wake(workspace)
store_page.draw(workspace, text.lower().split())
