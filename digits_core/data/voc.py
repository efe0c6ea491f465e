"""Pascal VOC annotations: one XML file a picture.

Corners are numbers of pixels, counted from 1, both inside the box; here edges are wanted: xmin - 1 and xmax.
Source: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf, section 9.
"""

import xml.etree.ElementTree as Plain
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from digits_core.data.boxes import Box, Labelled, number, ordered
from digits_core.errors import BadData
from digits_core.safe.paths import printable

EDGES = ("xmin", "ymin", "xmax", "ymax")
FLAGS = ("difficult", "truncated", "occluded", "pose")


def parse(data: bytes, name: str) -> Labelled:
    """The boxes of one file, those marked difficult ignored. Raises BadData with file and line or element."""
    name = printable(name)
    try:
        root = defusedxml.ElementTree.fromstring(data)
    except Plain.ParseError as error:
        why = str(error).partition(":")[0]
        raise BadData(f"{name}, line {error.position[0]}: this is no XML ({why}).") from None
    except DefusedXmlException as error:
        raise BadData(f"{name}: XML that defines entities is not read ({type(error).__name__}).") from None
    except (ValueError, LookupError) as error:
        raise BadData(f"{name}, line 1: the encoding cannot be read ({error}).") from None
    if root.tag != "annotation":
        raise BadData(f"{name}: the outer element is <{printable(root.tag)}>; Pascal VOC has <annotation>.")
    boxes = [_box(element, f"{name}, object {place}") for place, element in enumerate(root.findall("object"), 1)]
    return Labelled(boxes, _size(root, name))


def _size(root: Element, name: str) -> tuple[int, int] | None:
    """Width and height; None where they are missing or 0, as some tools write."""
    size = root.find("size")
    if size is None:
        return None
    width, height = (number(_text(size, side) or 0, side, f"{name}, size") for side in ("width", "height"))
    return (int(width), int(height)) if width >= 1 and height >= 1 else None


def _box(element: Element, where: str) -> Box:
    label = _text(element, "name")
    if not label:
        raise BadData(f"{where}: it has no <name>, so its class is unknown.")
    where = f"{where} ({printable(label)})"
    corners = element.find("bndbox")
    if corners is None:
        raise BadData(f"{where}: it has no <bndbox>.")
    missing = [edge for edge in EDGES if not _text(corners, edge)]
    if missing:
        raise BadData(f"{where}: <bndbox> has no <{missing[0]}>.")
    left, top, right, bottom = (number(_text(corners, edge), f"<{edge}>", where) for edge in EDGES)
    ordered(Box(label, left, top, right, bottom), where)
    # Many tools count from 0: what then would begin outside begins at the edge
    left, top = (value - 1 if value >= 1 else value for value in (left, top))
    more = {flag: text for flag in FLAGS if (text := _text(element, flag))}
    return Box(label, left, top, right, bottom, more.get("difficult", "0") not in ("0", "false"), more)


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
