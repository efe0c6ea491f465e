"""A dataset as files for other programs, to download."""

from urllib.parse import urlencode

import streamlit as st

from digits_core.data.hdf5_options import Hdf5Options
from digits_core.jobs.store import JobView
from digits_core.ui.forms import OptionsForm


def button(view: JobView) -> None:
    """Asks how the HDF5 files shall be made, and gives them out as one zip."""
    with st.popover("Download as HDF5", icon=":material/download:", key="dataset.hdf5"):
        form = OptionsForm(f"dataset.hdf5.{view.id}", Hdf5Options, {})
        form.draw(tuple(Hdf5Options.model_fields))
        st.link_button("Download", f"/api/datasets/{view.id}/hdf5?{urlencode(form.values())}",
                       icon=":material/download:", type="primary", width="stretch")
        st.caption("All splits and labels.txt in one zip. The files are made while they are downloaded, so the browser "
                   "cannot say how long it takes.")
