"""Model Store: bring a trained model here, take one along, start from one."""

import streamlit as st

from digits_core.services import modelstore
from digits_core.ui import bulk, session, store_panels, weights_panels
from digits_core.ui.frame import empty, head

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

imported = modelstore.list_pretrained(workspace)
own = store_panels.exportable(workspace)
if not imported and not own:
    with empty("deployed_code", "No model to travel yet", "Models that were trained here can be exported as one zip "
               "file and imported on another server; Get weights brings networks trained on ImageNet. All of them "
               "classify, and are a start for further training."):
        if st.button("Import one", icon=":material/upload:", key="store.first"):
            store_panels.import_dialog(workspace)
if imported:
    st.subheader("Imported", anchor=False)
    store_panels.cards(imported, "store.in")
if own:
    st.subheader("Trained here", anchor=False)
    store_panels.cards(own, "store.own")
