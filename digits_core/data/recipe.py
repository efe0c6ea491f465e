"""How a picture becomes a record: the part of a dataset's options that decoding processes are told."""

from dataclasses import asdict, dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """How a picture becomes a record."""

    channels: str
    width: int
    height: int
    resize_mode: str
    encoding: str
    quality: int = 90
    roots: list[str] = field(default_factory=list)
    private_hosts: list[str] = field(default_factory=list)
    limit_s: float = 30.0

    @property
    def depth(self) -> int:
        """Channels of a picture."""
        return 1 if self.channels == "gray" else 3

    def to_json(self) -> Json:
        """What a decoding process is told."""
        return {**asdict(self), "depth": self.depth}
