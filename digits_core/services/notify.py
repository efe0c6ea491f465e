"""Try out whether notifications arrive."""

from digits_core.errors import BadState, DigitsError
from digits_core.notify.channels import channels
from digits_core.notify.words import trial
from digits_core.services.access import check_user_name
from digits_core.services.workspace import Workspace

NOTHING = ("No notification is set up. Set DIGITS_NOTIFY_WEBHOOK, or DIGITS_NOTIFY_SMTP and DIGITS_NOTIFY_TO, and "
           "start the server again.")


def send_test(workspace: Workspace, user: str) -> dict[str, str]:
    """Send a test by every channel that is set up, now; "" or what went wrong, by channel.

    Raises BadState when there is none.
    """
    check_user_name(user)
    ways = channels(workspace.settings)
    if not ways:
        raise BadState(NOTHING)
    answer = {}
    for name, send in ways.items():
        try:
            send(trial(workspace.settings))
            answer[name] = ""
        except DigitsError as error:
            answer[name] = str(error)
    return answer
