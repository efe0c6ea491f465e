"""Two dialogs that make another dataset of one: with more pictures, or with a part of its pictures."""

from typing import Any

import streamlit as st

from digits_core.data.version_options import Addition, Selection
from digits_core.errors import DigitsError
from digits_core.jobs.store import JobView
from digits_core.services import datasets, uploads, versions
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.ui import as_code, large_file, s3_form, session
from digits_core.ui.dataset_form import upload_archive
from digits_core.ui.forms import OptionsForm
from digits_core.ui.text import plain, plural
from digits_core.ui.widgets import start

Json = dict[str, Any]
SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}


@st.dialog("Add pictures", width="medium", icon=":material/add_photo_alternate:")
def add_dialog(workspace: Workspace, view: JobView) -> None:
    """Where the new pictures are and what becomes of them; the version's page comes next."""
    first = as_code.started(f"add.{view.id}", {"origin": view.id})
    form = OptionsForm(f"dataset.add.{first['origin']}", Addition, first.get("options"))
    st.caption("They are resized and stored like the others and make a new version; this dataset stays as it is.")
    way = st.segmented_control("Where are they?", ("A folder on the server", "Upload (zip, tar)"), required=True,
                               key=f"{form.prefix}.way", default="A folder on the server")
    upload = upload_archive(workspace, form.prefix) if way == "Upload (zip, tar)" else None
    if way != "Upload (zip, tar)":
        form.draw(("folder",))
        s3_form.draw(workspace, form)
    elif upload is None and (large := large_file.choose(workspace, f"{form.prefix}.large")):
        form.drawn["archive"] = large
    form.draw(("split", "duplicates", "new_classes"))
    name = _name(form.prefix, versions.next_name(workspace, view), first)
    as_code.panel(Asked("addition", Addition, {"dataset": view.id, "name": name}, form.values()), form,
                  f"add.{view.id}", first, note="The uploaded archive is not in it." if upload else "")
    if st.button("Add", type="primary", icon=":material/add:", key=f"{form.prefix}.add"):
        with session.shown():  # a rerun, as the large forms make one for their fields, would close the dialog
            made = versions.add_pictures(workspace, session.user(), view.id, form.values(), name, upload=upload)
            if upload:
                uploads.discard(upload)
                st.session_state.pop(f"{form.prefix}.upload", None)
            st.switch_page("job.py", query_params={"id": made.id})


def _name(prefix: str, example: str, first: Json) -> str:
    start(f"{prefix}.name", first.get("name", ""))
    return st.text_input("Name", key=f"{prefix}.name", max_chars=200, placeholder=example) or ""


@st.dialog("Make a subset", width="medium", icon=":material/filter_alt:")
def subset_dialog(workspace: Workspace, view: JobView, chosen: Json) -> None:
    """Which pictures it shall hold, how many these are, and its name. ``chosen`` is what it starts with."""
    facts = datasets.manifest(view)
    first = as_code.started(f"subset.{view.id}", {"origin": view.id, "options": chosen})
    form = OptionsForm(f"dataset.subset.{first['origin']}", Selection, first["options"])
    st.caption("A subset is a dataset of its own that can be trained on, compared and versioned like any other.")
    there = [name for name in SPLITS if name in facts["splits"]]
    wanted = [name for name in form.value("splits") if name in there]
    splits = st.pills("Splits", there, selection_mode="multi", default=wanted, key=f"{form.prefix}.splits",
                      format_func=lambda name: SPLITS[name])
    labels = list(map(str, facts["labels"]))
    classes = st.multiselect("Classes", labels, [name for name in form.value("classes") if name in labels] or None,
                             key=f"{form.prefix}.classes", placeholder="All classes")
    form.draw(("search",))
    form.draw(("take", "count", "seed"))
    name = _name(form.prefix, f"{view.name} subset", first)
    values = {**form.values(), "splits": list(splits or []), "classes": list(classes)}
    as_code.panel(Asked("subset", Selection, {"dataset": view.id, "name": name}, values), form, f"subset.{view.id}",
                  first)
    fits = _count(workspace, view, values)
    if st.button("Make it", type="primary", icon=":material/filter_alt:", key=f"{form.prefix}.make", disabled=not fits):
        with session.shown():
            made = versions.create_subset(workspace, session.user(), view.id, values, name)
            st.switch_page("job.py", query_params={"id": made.id})


def _count(workspace: Workspace, view: JobView, values: Json) -> bool:
    """Say what the subset would hold; False when that cannot be said."""
    try:
        counts = versions.count_subset(workspace, view.id, values)
    except DigitsError as error:
        st.caption(plain(error))
        return False
    words = [f"{SPLITS[split]} {sum(classes.values()):,}" for split, classes in counts.items()]
    total = sum(sum(classes.values()) for classes in counts.values())
    known = max((sum(count > 0 for count in classes.values()) for classes in counts.values()), default=0)
    st.markdown(f"**{plural(total, 'picture')}** of {plural(known, 'class')}: {', '.join(words)}")
    return total > 0
