"""The two ways out: a webhook and a mail server. What they raise names the host: the rest of an address is secret."""

import html
import os
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadData, DigitsError
from digits_core.notify.words import subject
from digits_core.safe.post import safe_post
from digits_core.settings import Settings

Json = dict[str, Any]
Channel = Callable[[Json], None]
TIMEOUT_S = 15.0


def channels(settings: Settings) -> dict[str, Channel]:
    """The ways that are set up, by name; each sends one message or raises DigitsError."""
    found: dict[str, Channel] = {}
    if settings.notify_webhook:
        found["webhook"] = lambda message: _post(settings, message)
    if settings.notify_smtp and settings.notify_to:
        found["mail"] = lambda message: _mail(settings, message)
    return found


def secret(reference: str) -> str:
    """The value behind ``env:NAME`` or ``file:PATH``; other text is taken as it is. It must not reach any log."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        value = os.environ.get(place, "")
    elif kind == "file":
        try:
            value = Path(place).read_text().strip()
        except (OSError, ValueError):
            value = ""
    else:
        return reference
    if not value:
        raise BadData(f"{reference} holds nothing or cannot be read; a setting of this server points there.")
    return value


def _post(settings: Settings, message: Json) -> None:
    safe_post(secret(settings.notify_webhook), files.to_bytes(message), settings.private_hosts, TIMEOUT_S)


def _mail(settings: Settings, message: Json) -> None:
    host, _, port = settings.notify_smtp.rpartition(":")
    try:
        with _connected(settings, host, int(port)) as server:
            if settings.notify_smtp_user:
                server.login(settings.notify_smtp_user, secret(settings.notify_smtp_password))
            server.send_message(_letter(settings, message))
    except DigitsError:
        raise
    except smtplib.SMTPResponseException as error:
        raise BadData(f"The mail server {host} refuses: status {error.smtp_code} ({type(error).__name__}).") from None
    except ssl.SSLCertVerificationError as error:
        raise BadData(f"The certificate of the mail server {host} is not trusted ({error.verify_message}). Name one of "
                      "your own in the server's environment: SSL_CERT_FILE.") from None
    except smtplib.SMTPNotSupportedError as error:
        raise BadData(f"The mail server {host} cannot do what DIGITS_NOTIFY_SMTP_SECURITY and DIGITS_NOTIFY_SMTP_USER "
                      f"ask for: {error}") from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise BadData(f"The mail server {host} cannot be used: {type(error).__name__}.") from None


def _connected(settings: Settings, host: str, port: int) -> smtplib.SMTP:
    if settings.notify_smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    try:
        if settings.notify_smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
    except BaseException:
        server.close()
        raise
    return server


def _letter(settings: Settings, message: Json) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = subject(message["event"], message["job"], settings)
    letter["From"] = settings.notify_from or f"digits@{settings.server_name}"
    letter["To"] = ", ".join(settings.notify_to)
    letter.set_content(html.unescape(message["text"]))
    return letter
