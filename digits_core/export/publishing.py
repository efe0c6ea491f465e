"""What publishing to an inference server can be told, described once. No torch here."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core.errors import Problem
from digits_core.export.options import Precision
from digits_core.options import Options, option

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class PublishOptions(Options):
    """Which export goes where, under which name."""

    where: Literal["archive", "folder", "server"] = option(
        "archive", title="Where", labels={"archive": "Archive for Triton", "folder": "Triton's folder here",
                                          "server": "Server that takes archives"},
        help="An archive of a model repository to download; the repository that this server writes into "
             "(DIGITS_PUBLISH_DIR); or an inference server that the archive is posted to (DIGITS_PUBLISH_URL).")
    export: str = option("", title="Export", help="Id of a finished export; empty: the newest.")
    precision: Precision = option("fp32", title="Precision", help="Among those of the export.", labels={
        "fp32": "32 bits", "fp16": "16 bits", "int8": "8 bits, integers"})
    model_name: str = option("", title="Name there", help="Letters, digits, . _ and -; empty: that of the model.")
    version: int = option(1, title="Version there", ge=1, le=10**9, when={"where": ["archive", "folder"]},
                          help="A number; Triton serves the highest.")
    max_batch: int = option(32, title="Most pictures at once", ge=0, le=4096, when={"where": ["archive", "folder"]},
                            help="Requests that come together are calculated together; 0: never.")
    delay_us: int = option(100, title="Wait for others (µs)", ge=0, le=10**6, advanced=True,
                           when={"where": ["archive", "folder"]})
    description: str = option("", title="Description", when={"where": ["server"]})
    modality: Literal["", "CT", "XA", "MR"] = option("", title="Modality", when={"where": ["server"]}, labels={
        "": "none", "CT": "CT", "XA": "X-ray (XA)", "MR": "MR"}, help="Of medical pictures.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A name that no folder and no server can bear."""
        if self.model_name and not NAME.fullmatch(self.model_name):
            return [Problem("model_name", "takes letters, digits, '.', '_' and '-', the first a letter or a digit "
                                          f"(got {self.model_name[:40]!r})")]
        return []
