"""Mail over STARTTLS and TLS with a login, against a real server whose certificate is made for the run."""

import pytest

from digits_core.errors import BadData
from digits_core.notify.channels import channels
from digits_core.notify.words import trial
from tests.notify.conftest import PASSWORD

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # within TLS from the start


@pytest.fixture
def send(settings, monkeypatch):
    """``send(port, security, password)``: a test mail as fred."""
    def mail(port, security, password=PASSWORD):
        monkeypatch.setenv("MAIL_PASSWORD", password)
        ours = settings.model_copy(update={
            "notify_smtp": f"127.0.0.1:{port}", "notify_smtp_security": security, "notify_to": ["anna@example.org"],
            "notify_smtp_user": "fred", "notify_smtp_password": "env:MAIL_PASSWORD"})
        channels(ours)["mail"](trial(ours))
    return mail


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_arrives_encrypted_and_logged_in(secured, send, trusted, security):
    letters, port = secured(security)
    send(port, security)
    assert [letter.rcpt_tos for letter in letters.got] == [["anna@example.org"]]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_trusts_gets_neither_password_nor_mail(secured, send, security):
    letters, port = secured(security)
    with pytest.raises(BadData, match=r"not trusted \(unable to get .*issuer.*\)\. Name one .*SSL_CERT_FILE"):
        send(port, security)
    assert letters.got == []


def test_a_wrong_password_is_said_without_telling_it(secured, send, trusted):
    letters, port = secured("starttls")
    with pytest.raises(BadData, match=r"refuses: status 535 \(SMTPAuthenticationError\)") as found:
        send(port, "starttls", "hunter2")
    assert "hunter2" not in str(found.value)
    assert letters.got == []


def test_a_server_without_starttls_gets_no_password(secured, send, trusted):
    letters, port = secured("none")
    with pytest.raises(BadData, match="STARTTLS extension not supported"):
        send(port, "starttls")
    assert letters.got == []


def test_tls_spoken_to_a_plain_server_is_an_error_in_words(secured, send, trusted):
    _, port = secured("none")
    with pytest.raises(BadData, match=r"cannot be used: SSLError"):
        send(port, "tls")
