"""Mail, secrets by reference, and the test message from page, REST and command line."""

import pytest
from pydantic import ValidationError

from digits_core.errors import BadData, BadState
from digits_core.notify.channels import channels, secret
from digits_core.notify.words import message
from digits_core.services.notify import send_test
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings


@pytest.fixture
def mailed(settings, letters):
    return settings.model_copy(update={"notify_smtp": f"127.0.0.1:{letters[1]}", "notify_smtp_security": "none",
                                       "notify_from": "digits@example.org", "notify_page": "http://host/",
                                       "notify_to": ["anna@example.org", "fred@example.org"]})


def test_a_mail_says_what_happened_and_where_to_look(mailed, letters, finished_job):
    view = finished_job("model", name="Löwen & Zähne")
    channels(mailed)["mail"](message(view, "done", mailed))
    (letter,) = letters[0].got
    assert letter.rcpt_tos == ["anna@example.org", "fred@example.org"]
    text = letter.content.decode()
    assert "Subject: " in text and f"http://host/job?id={view.id}" in text


def test_a_dead_mail_server_is_an_error_in_words(mailed):
    with pytest.raises(BadData, match=r"127\.0\.0\.1 cannot be used: ConnectionRefusedError"):
        channels(mailed.model_copy(update={"notify_smtp": "127.0.0.1:1"}))["mail"](
            {"event": "test", "job": {"kind": "job", "name": "x"}, "text": "x"})


def test_secrets_stand_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK", "https://example.org/x")
    (tmp_path / "hook").write_text("https://example.org/y\n")
    assert secret("env:HOOK").endswith("/x") and secret(f"file:{tmp_path}/hook").endswith("/y")
    assert secret("https://example.org/z").endswith("/z")
    with pytest.raises(BadData, match="holds nothing"):
        secret("env:NOT_THERE")
    with pytest.raises(ValidationError):
        Settings(notify_smtp_password="hunter2")
    with pytest.raises(ValidationError):
        Settings(notify_to=["a@b\nBcc: c@d"])


def test_a_test_message_goes_out_by_every_channel(told, mailed, letters, hook, settings):
    both = mailed.model_copy(update={"notify_webhook": told.notify_webhook, "private_hosts": ["127.0.0.1"]})
    assert send_test(Workspace.open(both), "fred") == {"webhook": "", "mail": ""}
    assert len(letters[0].got) == len(hook.got) == 1
    hook.answers.append(404)
    assert send_test(Workspace.open(both), "fred")["webhook"] == "127.0.0.1 answers with status 404"
    with pytest.raises(BadState, match="DIGITS_NOTIFY_WEBHOOK"):
        send_test(Workspace.open(settings), "fred")
