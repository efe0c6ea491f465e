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
    example: str = "digits_core.data.decoder:labelled"
    """Dotted name of the function that makes an Example of a picture; each task may have its own."""
    planes: int = 0
    """Channels of pictures with all of them (see digits_core.data.planes), and the values that become 0 and 255."""
    span: tuple[float, float] = (0.0, 255.0)
    more: Json = field(default_factory=dict)
    """What that function has to know beside."""

    @property
    def depth(self) -> int:
        """Channels of a picture."""
        return self.planes or (3 if self.channels == "color" else 1)

    @property
    def stored(self) -> str:
        """How pixels become bytes: the encoding, or that of full depth."""
        return "all" if self.channels == "all" else self.encoding

    @property
    def pixels(self) -> int:
        """Values in a picture."""
        return self.depth * self.width * self.height

    def to_json(self) -> Json:
        """What a decoding process is told."""
        return {**asdict(self), "depth": self.depth, "encoding": self.stored}
