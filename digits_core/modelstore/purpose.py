"""What a network definition of Caffe is probably for, from its text: a job has its task before it reads it."""

import re

LARGEST = 2_000_000
"""Bytes of a definition that are looked at."""
_ENLARGES = re.compile(r'\btype\s*:\s*["\']?(deconvolution|interp)\b', re.IGNORECASE)
_CONVOLVES = re.compile(r'\btype\s*:\s*["\']?convolution\b', re.IGNORECASE)
_GATHERS = re.compile(r'\btype\s*:\s*["\']?(inner_?product|pooling)\b', re.IGNORECASE)


def guess_task(definition: bytes) -> str:
    """"segmentation" for a network that answers for every pixel: it enlarges, or never brings pixels together.

    Else "classification"; the worker says so when it is not.
    """
    text = definition[:LARGEST].decode(errors="replace")
    spatial = _ENLARGES.search(text) or (_CONVOLVES.search(text) and not _GATHERS.search(text))
    return "segmentation" if spatial else "classification"
