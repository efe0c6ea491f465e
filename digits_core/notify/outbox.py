"""Sends each event once by each channel, beside the scheduler and never in its way.

Files in the attempt's folder remember, so that a restart neither forgets nor repeats: ``notice.json`` says that this
attempt was seen before its end (jobs that ended before anybody wanted messages are not told about), and
``notice-done-mail.json`` that this event left by this channel, or was given up. Only a crash between the moment a
server takes a message and the writing of that file can send one twice.
"""

import heapq
import logging
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.jobs.store import JobView
from digits_core.notify.channels import Channel, channels
from digits_core.notify.words import EVENTS, message
from digits_core.settings import Settings

Json = dict[str, Any]
log = logging.getLogger("digits.notify")
PAUSES_S = (5.0, 30.0, 120.0, 600.0)
"""Between tries; after the last one the event is given up."""


class Letter(NamedTuple):
    """One event on its way."""

    content: Json
    marker: Path


class Postman(threading.Thread):
    """One channel with its own queue: a dead webhook holds up no mail."""

    def __init__(self, name: str, send: Channel, pauses: Sequence[float] = PAUSES_S) -> None:
        super().__init__(daemon=True, name=f"notify-{name}")
        self.channel, self.send, self.pauses = name, send, pauses
        self.inbox: queue.Queue[Letter | None] = queue.Queue()
        self._later: list[tuple[float, int, int, Letter]] = []
        self._count = 0

    def run(self) -> None:
        """Until a None arrives: what waits for another try then is tried by the next leading scheduler."""
        while True:
            try:
                wait = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
                letter = self.inbox.get(timeout=wait)
            except queue.Empty:
                _, _, tries, again = heapq.heappop(self._later)
                self._try(again, tries)
                continue
            if letter is None:
                return
            self._try(letter, 0)

    def _try(self, letter: Letter, tries: int) -> None:
        try:
            self.send(letter.content)
            files.write_once(letter.marker, {"sent": time.time()})
        except Exception as error:  # one bad message must not end the thread
            why = str(error) if isinstance(error, DigitsError) else type(error).__name__
            log.warning("a message about job %s did not leave by %s: %s", letter.content["job"]["id"], self.channel,
                        why)
            self._again(letter, tries, why)

    def _again(self, letter: Letter, tries: int, why: str) -> None:
        if not letter.marker.parent.exists():
            return  # the job was deleted meanwhile
        if tries < len(self.pauses):
            self._count += 1
            heapq.heappush(self._later, (time.monotonic() + self.pauses[tries], self._count, tries + 1, letter))
        else:
            try:
                files.write_once(letter.marker, {"given_up": time.time(), "why": why})
            except (DigitsError, OSError):
                log.warning("that it was given up cannot be noted in %s", letter.marker)


class Outbox:
    """What the leading scheduler shows every job it looks at."""

    def __init__(self, settings: Settings, pauses: Sequence[float] = PAUSES_S) -> None:
        self.settings, self.pauses = settings, pauses
        self.wanted = set(settings.notify_on or EVENTS.values())
        self._postmen: dict[str, Postman] = {}
        self._channels = channels(settings)
        self._seen: set[Path] = set()

    def see(self, view: JobView) -> None:
        """Queue what has to be told about this job; quick, whatever the network does."""
        if not self._channels or view.attempt is None or view.job.options.get("notify") is False:
            return
        folder = view.folder.attempt(view.attempt.number).path
        noticed = folder / "notice.json"
        if not view.status.is_final and noticed not in self._seen:
            files.write_once(noticed, {"since": time.time()})
            self._seen.add(noticed)
        event = EVENTS.get(view.status)
        if event in self.wanted and noticed.exists():
            for channel in self._channels:
                self._queue(view, str(event), folder / f"notice-{event}-{channel}.json", channel)

    def _queue(self, view: JobView, event: str, marker: Path, channel: str) -> None:
        if marker in self._seen:
            return
        self._seen.add(marker)
        if not marker.exists():
            self._postman(channel).inbox.put(Letter(message(view, event, self.settings), marker))

    def _postman(self, channel: str) -> Postman:
        if channel not in self._postmen:
            self._postmen[channel] = Postman(channel, self._channels[channel], self.pauses)
            self._postmen[channel].start()
        return self._postmen[channel]

    def close(self, wait_s: float = 5) -> None:
        """Send what is in the queues, within this time; the rest is sent by the next leading scheduler."""
        deadline = time.monotonic() + wait_s
        for postman in self._postmen.values():
            postman.inbox.put(None)
        for postman in self._postmen.values():
            postman.join(max(0.0, deadline - time.monotonic()))
        self._postmen.clear()
        self._seen.clear()
