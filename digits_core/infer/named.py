"""Which labels an answer gives, for what must stay right: one function for each kind of answer. No torch here."""

from typing import Any

Json = dict[str, Any]
SURE = 0.5
"""The score from which a box counts."""
SEEN = 0.001
"""The share of a picture from which a class counts as shown."""


def best(answer: Json) -> list[str]:
    """The most probable label."""
    return [str(row["label"]) for row in answer.get("predictions", [])[:1]]


def all_that_count(answer: Json) -> list[str]:
    """Every label whose probability reaches its threshold."""
    return [str(row["label"]) for row in answer.get("predictions", []) if row.get("yes")]


def boxed(answer: Json) -> list[str]:
    """What there is a box of."""
    return list(dict.fromkeys(str(row["label"]) for row in answer.get("boxes", []) if row["score"] >= SURE))


def shown(answer: Json) -> list[str]:
    """What the mask shows."""
    return [str(row["label"]) for row in answer.get("classes", []) if row["share"] >= SEEN]
