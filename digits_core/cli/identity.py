"""Who acts on the command line."""

import getpass
import re

from digits_core.services.access import check_user_name
from digits_core.services.workspace import Workspace


def acting_user(workspace: Workspace, given: str = "") -> str:
    """The name given, else the one in DIGITS_USER, else the login name made fit for DIGITS' rule."""
    return check_user_name(given or workspace.settings.user or from_login(login()))


def login() -> str:
    """The login name; a container may have none for its user number."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"


def from_login(name: str) -> str:
    r"""A login name as a DIGITS name: small letters, digits, '.', '-', '_', a letter first.

    >>> from_login("CORP\\Fred B")
    'corp-fred-b'
    """
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:60]
    return plain if plain[:1].isalpha() else f"u{plain}"
