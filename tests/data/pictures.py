"""Pictures drawn by code: good ones of every form, and hostile ones with the outcome they must have."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

RAMP = np.linspace(0, 255, 12 * 8).reshape(8, 12)


def grey() -> Image.Image:
    """12 x 8, black at the top left, white at the bottom right."""
    return Image.fromarray(RAMP.astype(np.uint8))


def colour() -> Image.Image:
    """12 x 8 with a different ramp in each channel."""
    return Image.fromarray(np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1).astype(np.uint8))


def saved(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    """The file of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def with_orientation(number: int, kind: str) -> bytes:
    """A file whose pixels lie as EXIF orientation ``number`` says, so that it shows ``colour()`` upright."""
    back = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}[number]
    image = colour() if back is None else colour().transpose(back)
    exif = Image.Exif()
    exif[0x0112] = number
    how = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    if kind == "TIFF":
        return saved(image, kind, tiffinfo={274: number})
    return saved(image, kind, exif=exif, **how)


def animated(kind: str) -> bytes:
    """Two frames (or pages), the first one is ``grey()``."""
    how = {"lossless": True} if kind == "WEBP" else {}
    second = Image.new("L", (12, 8), 77)
    return saved(grey(), kind, save_all=True, append_images=[second], **how)


def png(width: int, height: int, data: bytes, colour_type: int = 0, depth: int = 8, extra: bytes = b"") -> bytes:
    """A PNG file with any header and any (already compressed) content."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bad() -> dict[str, tuple[bytes, str]]:
    """File name -> content and a part of the reason that must be given."""
    whole, photo = saved(colour()), saved(colour().resize((200, 200)), "JPEG")
    return {
        "empty.png": (b"", "empty"),
        "page.jpg": (b"<!DOCTYPE html><html>404</html>", "web page"),
        "paper.png": (b"%PDF-1.7 ...", "PDF"),
        "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        "pointer.jpg": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "LFS"),
        "noise.bmp": (bytes(range(7, 207)), "no picture"),
        "cut.png": (whole[:len(whole) // 2], ""),
        "cut.jpg": (photo[:len(photo) // 2], "truncated"),
        "cut.bmp": (saved(colour(), "BMP")[:80], "truncated"),
        "cut.tif": (saved(colour(), "TIFF")[:60], ""),
        "cut.gif": (saved(grey(), "GIF")[:-30], ""),
        "cut.webp": (saved(colour(), "WEBP")[:-20], ""),
        "cut.ppm": (saved(colour(), "PPM")[:-20], ""),
        "flipped.png": (whole[:60] + bytes([whole[60] ^ 255]) + whole[61:], ""),
        "bomb.png": (png(50_000, 50_000, zlib.compress(bytes(1000))), "pixels"),
        "wide.png": (png(2**31 - 1, 2**31 - 1, b""), "pixels"),
        "text.png": (png(4, 4, zlib.compress(bytes(20)), extra=chunk(
            b"zTXt", b"k\0\0" + zlib.compress(bytes(80_000_000)))), ""),
        "vector.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        "layers.psd": (b"8BPS\0\1" + bytes(30), "Photoshop"),
        "nan.tif": (saved(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"), "finite"),
        "far.tif": (saved(Image.fromarray(np.full((4, 4), 1e6, np.float32)), "TIFF"), "decimal numbers"),
        "negative.tif": (saved(Image.fromarray(np.full((4, 4), -5, np.int32)), "TIFF"), "integers"),
    }


def class_folders(top: Path, counts: dict[str, int], size: tuple[int, int] = (12, 8)) -> Path:
    """Class folders of noise pictures, no two of them alike; returns ``top``."""
    generator = np.random.default_rng(len(counts))
    for name, count in counts.items():
        (top / name).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (size[1], size[0], 3), np.uint8)
            (top / name / f"{number:04d}.png").write_bytes(saved(Image.fromarray(pixels)))
    return top
