"""Class folders on a web server that lists its folders (the index pages of Apache, nginx, python -m http.server)."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from digits_core.data.entries import Entries
from digits_core.data.folders import class_name, is_picture
from digits_core.errors import BadData, DigitsError
from digits_core.safe.fetch import safe_fetch

if TYPE_CHECKING:
    from digits_core.data.sources import Scan

PAGE_BYTES = 64_000_000
DEPTH = 8


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def links(page: bytes, address: str) -> list[str]:
    """Addresses directly below ``address`` that its index page links to, sorted; folders end with '/'."""
    parser = _Links()
    parser.feed(page.decode("utf-8", "replace"))
    found = set()
    for href in parser.found:
        try:
            parts = urlsplit(urljoin(address, href.strip()))
        except ValueError:
            continue
        target = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        rest = target.removeprefix(address)
        if target.startswith(address) and rest.strip("/") and "/" not in rest.rstrip("/") and not parts.query:
            found.add(target)
    return sorted(found)


def read(address: str, split: str, scan: "Scan") -> Entries:
    """All pictures below the class folders that the index page at ``address`` lists; see folders.read."""
    address = address.rstrip("/") + "/"
    listed = [link for link in links(_page(address, scan), address) if link.endswith("/")]
    names = {link: class_name(unquote(link.rstrip("/").rpartition("/")[2])) for link in listed}
    if split == "train":
        if len(names) < 2:
            raise BadData(f"The page {address} must list at least two class folders; it lists {len(names)}.")
        scan.labels.extend(names.values())
    known = {label: number for number, label in enumerate(scan.labels)}
    entries = scan.entries(split, address)
    for link, label in names.items():
        for picture in _pictures(link, split, label, scan):
            if label in known:
                entries.add(picture, known[label])
            else:
                scan.skip(entries.name(picture), split, label, "class is not among the training classes", False)
    return entries


def _pictures(top: str, split: str, label: str, scan: "Scan") -> Iterator[str]:
    waiting = [(top, 0)]
    while waiting:
        folder, depth = waiting.pop()
        scan.tick()
        try:
            found = links(_page(folder, scan), folder)
        except DigitsError as error:
            scan.skip(folder, split, label, str(error), True)
            continue
        waiting += [(link, depth + 1) for link in reversed(found) if link.endswith("/") and depth < DEPTH]
        yield from (link for link in found if is_picture(unquote(link.rpartition("/")[2])))


def _page(address: str, scan: "Scan") -> bytes:
    return safe_fetch(address, scan.private_hosts, limit=PAGE_BYTES)
