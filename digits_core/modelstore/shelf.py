"""Where published weights come from: a folder of this server, else the internet or a mirror of it. No torch here."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from digits_core.networks.torchvision_data import PublishedWeights
from digits_core.settings import Settings

OFF = "none"


def folder(settings: Settings) -> Path:
    """The folder with the files: DIGITS_WEIGHTS_DIR, else the one where torch keeps its downloads."""
    if settings.weights_dir:
        return Path(settings.weights_dir).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def on_disk(settings: Settings) -> set[str]:
    """Names of the files that are in the folder."""
    try:
        return {path.name for path in folder(settings).iterdir() if path.is_file()}
    except OSError:
        return set()


def address(settings: Settings, weights: PublishedWeights) -> str:
    """Where to download it: where it was published, or under the mirror's address; empty when nothing may be loaded."""
    if settings.weights_url == OFF:
        return ""
    return f"{settings.weights_url.rstrip('/')}/{weights.file}" if settings.weights_url else weights.url


def hosts(settings: Settings) -> list[str]:
    """Hosts on private networks that may be asked: the administrator named the mirror, so its host is one of them."""
    own = urlsplit(settings.weights_url).hostname if settings.weights_url not in ("", OFF) else None
    return [*settings.private_hosts, *([own] if own else [])]


def advice(settings: Settings, weights: PublishedWeights) -> str:
    """What to do where there is no way to the internet."""
    return (f"Put the file {weights.file} into {folder(settings)}, or name a mirror in DIGITS_WEIGHTS_URL.")
