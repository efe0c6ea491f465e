"""On the form of a dataset: places in S3, and files that came by the command line."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from digits_core.services import resumable
from digits_core.services.workspace import Workspace
from tests.pages.conftest import words

Visit = Callable[..., AppTest]


def by_key(app: AppTest, kind: str, ending: str):
    [found] = [widget for widget in app.get(kind) if (widget.key or "").endswith(ending)]
    return found


def test_credentials_are_chosen_by_name_and_their_keys_are_nowhere_on_the_page(
        visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT": "http://127.0.0.1:1", "KEY": "canary-key", "SECRET": "canary-secret"}.items():
        monkeypatch.setenv(f"DIGITS_S3_LAB_{name}", value)
    app = visit("datasets.py", new="segmentation")
    by_key(app, "text_input", ".images").set_value("s3://pets/pictures")
    by_key(app, "text_input", ".labels").set_value("s3://pets/masks")
    app.run()
    choice = by_key(app, "button_group", ".s3_credentials")
    assert list(choice.options) == ["None: the bucket is public", "lab"]
    choice.set_value("lab")
    app.run()
    assert "cannot be reached" in words(app) and "canary" not in words(app)


def test_without_credentials_the_form_says_so(visit: Visit) -> None:
    assert "No S3 credentials are set up" in words(visit("datasets.py", new="classification"))


def test_a_finished_upload_is_chosen_on_the_form_and_becomes_a_dataset(visit: Visit, workspace: Workspace) -> None:
    begun = resumable.create(workspace, "tester", 4, "filename cGV0cy56aXA=")
    other = resumable.create(workspace, "eve", 4, "filename c2VjcmV0LnppcA==")
    for upload, user in ((begun, "tester"), (other, "eve")):
        writer, turn = resumable.begin(workspace, user, upload.id, 0)
        writer.write(b"good")
        writer.finish()
        writer.close()
        turn.end()
    app = visit("datasets.py", new="classification")
    by_key(app, "button_group", ".method").set_value("archive")
    app.run()
    assert "python -m digits_core upload FILE" in words(app)
    choice = by_key(app, "selectbox", ".large")
    assert [option.partition(" ")[0] for option in choice.options] == ["None:", "pets.zip"]
    choice.set_value(f"upload:{begun.id}")
    by_key(app, "text_input", ".name").set_value("pets")
    app.run()
    by_key(app, "button", ".create").click()
    app.run()
    [view] = workspace.store.jobs()
    assert (view.folder.path / "upload" / "upload.zip").read_bytes() == b"good"
    assert [one.id for one in resumable.of_user(workspace, "tester")] == []
