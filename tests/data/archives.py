"""Zip and tar files made by hand, as no honest program makes them, with a part of the reason that must be given."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

Maker = Callable[[Path], Path]


def tar(path: Path, members: list[tuple[str, bytes] | tarfile.TarInfo], mode: str = "w") -> Path:
    """A tar file of plain members (name, content) and of headers as they are."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A header of a link, a device, a pipe."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zipped(path: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]], how: int = zipfile.ZIP_STORED) -> Path:
    """A zip file; names may be anything."""
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            archive.writestr(info, content, how)
    return path


def patched(path: Path, old: bytes, new: bytes) -> Path:
    """Replace bytes of a file, all occurrences."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def _zip_link(path: Path) -> Path:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    return zipped(path, [(info, b"/etc/passwd")])


def _encrypted(path: Path) -> Path:
    zipped(path, [("a.txt", b"hello")])
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    return path


def _lying_zip(path: Path) -> Path:
    zipped(path, [("a.bin", bytes(5_000_000))], zipfile.ZIP_DEFLATED)
    return patched(path, struct.pack("<I", 5_000_000), struct.pack("<I", 10))


def _many(path: Path) -> Path:
    return zipped(path, [(f"{number}", b"") for number in range(300)])


def _negative_size(path: Path) -> Path:
    tar(path, [("a.txt", b"hello")])
    data = bytearray(path.read_bytes())
    data[124:136] = b"-0000000777\0"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(bytes(data))
    return path


def _cut(path: Path) -> Path:
    zipped(path, [("a/1.png", bytes(5000))])
    path.write_bytes(path.read_bytes()[:3000])
    return path


def _cut_tar(path: Path) -> Path:
    tar(path, [("a/1.png", bytes(range(256)) * 100)], "w:gz")
    path.write_bytes(path.read_bytes()[:-60])
    return path


def _bad_sum(path: Path) -> Path:
    return patched(tar(path, [("a.txt", b"x"), ("b.txt", b"y")]), b"b.txt", b"c.txt")


def _text(path: Path) -> Path:
    path.write_bytes(b"this is a letter, not an archive\n" * 100)
    return path


HOSTILE: dict[str, tuple[Maker, str]] = {
    "tar-traversal": (lambda path: tar(path, [("../evil", b"x")]), "leads out"),
    "tar-deep-traversal": (lambda path: tar(path, [("a/b/../../../evil", b"x")]), "leads out"),
    "tar-absolute": (lambda path: tar(path, [("/tmp/evil", b"x")]), "leads out"),
    "tar-symlink": (lambda path: tar(path, [special("a", tarfile.SYMTYPE, "/etc")]), "link"),
    "tar-symlink-then-file": (lambda path: tar(path, [special("a", tarfile.SYMTYPE, ".."), ("a/evil", b"x")]), "link"),
    "tar-hardlink": (lambda path: tar(path, [special("a", tarfile.LNKTYPE, "/etc/passwd")]), "link"),
    "tar-fifo": (lambda path: tar(path, [special("a", tarfile.FIFOTYPE)]), "device"),
    "tar-device": (lambda path: tar(path, [special("a", tarfile.CHRTYPE)]), "device"),
    "tar-twice": (lambda path: tar(path, [("a", b"x"), ("a", b"y")]), "twice"),
    "tar-file-and-folder": (lambda path: tar(path, [("a", b"x"), ("a/b", b"y")]), "both a file and a folder"),
    "tar-negative-size": (_negative_size, "negative"),
    "tar-bad-sum": (_bad_sum, "check sum"),
    "tar-cut": (_cut_tar, "cut off"),
    "tar-bomb": (lambda path: tar(path, [("zeros", bytes(30_000_000))], "w:xz"), "bomb"),
    "tar-long-name": (lambda path: tar(path, [("a" * 300, b"x")]), "too long a name"),
    "tar-empty": (lambda path: tar(path, []), "no zip or tar"),
    "zip-traversal": (lambda path: zipped(path, [("../evil", b"x")]), "leads out"),
    "zip-absolute": (lambda path: zipped(path, [("/tmp/evil", b"x")]), "leads out"),
    "zip-drive": (lambda path: zipped(path, [("C:/evil", b"x")]), "leads out"),
    "zip-backslash": (lambda path: zipped(path, [("..\\evil", b"x")]), "leads out"),
    "zip-link": (_zip_link, "link"),
    "zip-twice": (lambda path: zipped(path, [("a", b"x"), ("b", b"y")]) and patched(path, b"b", b"a"), "twice"),
    "zip-encrypted": (_encrypted, "encrypted"),
    "zip-bomb": (lambda path: zipped(path, [("zeros", bytes(30_000_000))], zipfile.ZIP_DEFLATED), "bomb"),
    "zip-lying-size": (_lying_zip, "damaged|says"),
    "zip-unusual": (lambda path: zipped(path, [("a", b"x" * 99)], zipfile.ZIP_LZMA), "unusual"),
    "zip-cut": (_cut, "damaged"),
    "zip-empty": (lambda path: zipped(path, []), "no files"),
    "text": (_text, "no zip or tar"),
}
