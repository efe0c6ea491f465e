"""In a form that takes places in S3: who asks S3, and where; open as soon as a field names a place there."""

from dataclasses import replace

import streamlit as st

from digits_core.credentials import s3_credentials
from digits_core.errors import DigitsError
from digits_core.safe.places import is_s3
from digits_core.services.workspace import Workspace
from digits_core.ui.forms import OptionsForm
from digits_core.ui.text import plain

PUBLIC = "None: the bucket is public"


def draw(workspace: Workspace, form: OptionsForm) -> None:
    """The options on S3, with the names of the credentials that the administrator set up."""
    texts = [str(form.value(name)) for name, field in form.fields.items() if field.kind in ("folder", "path")
             and field.matters({other: form.value(other) for other in field.when})]
    by_method = "method" in form.fields and form.value("method") == "s3"
    wanted = by_method or any(map(is_s3, texts))
    try:
        names = tuple(s3_credentials(workspace.settings.secrets_file))
    except DigitsError as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        names = ()
    chosen = str(form.value("s3_credentials"))
    names = names if not chosen or chosen in names else (*names, chosen)  # of a cloned job; the check says it is gone
    form.fields["s3_credentials"] = replace(form.fields["s3_credentials"], choices=("", *names),
                                            labels={"": PUBLIC})
    with st.expander("Places in S3 (s3://bucket/path)", icon=":material/cloud:", expanded=wanted):
        form.draw([name for name in ("s3_credentials", "s3_endpoint", "s3_keep") if name in form.fields], columns=2)
        if not names:
            st.caption("No S3 credentials are set up on this server: only public buckets can be read.")
