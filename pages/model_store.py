"""Model Store: models of this server, our team, torchvision and other stores; bring one here, start from one."""

import streamlit as st

from digits_core.services import store
from digits_core.ui import bulk, session, store_page, upload_dialog, weights_panels
from digits_core.ui.frame import head

workspace = session.workspace()
with head("Model Store"):
    if st.button("Get weights", icon=":material/cloud_download:", key="store.weights", help="Networks that torchvision "
                 "publishes, trained on ImageNet."):
        weights_panels.get_dialog(workspace)
    if st.button("Upload a model", type="primary", icon=":material/upload:", key="store.open", help="An archive, or "
                 "files of Caffe or PyTorch."):
        upload_dialog.draw(workspace)
bulk.said()

with st.container(horizontal=True):
    text = st.text_input("Filter", key="store.filter", placeholder="Filter: name, note, licence, network ...",
                         icon=":material/search:", live="300ms", label_visibility="collapsed") or ""
    if st.button("Update model list", icon=":material/sync:", key="store.update", help="Read all stores again.",
                 disabled=not workspace.settings.model_stores):
        store.wake(workspace, every=True)
store.wake(workspace)
store_page.draw(workspace, text.lower().split())
