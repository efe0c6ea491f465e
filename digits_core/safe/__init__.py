"""The only doors to danger: server paths, addresses, archives and pictures that somebody else made."""

import importlib
from typing import TYPE_CHECKING

from digits_core.safe.paths import complete_path, is_url, read_regular, safe_join, safe_path

if TYPE_CHECKING:
    from digits_core.safe.archives import safe_extract
    from digits_core.safe.download import safe_download
    from digits_core.safe.fetch import safe_fetch
    from digits_core.safe.images import safe_image

__all__ = ["complete_path", "is_url", "read_regular", "safe_download", "safe_extract", "safe_fetch", "safe_image",
           "safe_join", "safe_path"]

_LATER = {"safe_image": "images", "safe_extract": "archives", "safe_fetch": "fetch", "safe_download": "download"}


def __getattr__(name: str) -> object:
    """Load the heavier doors on first use: checking a path must not import Pillow or an HTTP client."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
