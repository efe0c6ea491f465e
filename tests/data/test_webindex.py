"""Index pages of web servers: only what lies below the address counts."""

import pytest

from digits_core.data import webindex

BASE = "http://h/data/"


@pytest.mark.parametrize(("href", "found"), [
    ("a/", "http://h/data/a/"), ("/data/a/", "http://h/data/a/"), ("http://h/data/a/", "http://h/data/a/"),
    ("b.png", "http://h/data/b.png"), ("my%20cat.png", "http://h/data/my%20cat.png"), ("b.png?x=1", None),
    ("../", None), ("/", None), ("?C=N;O=D", None), ("http://evil/data/a/", None), ("//evil/data/a/", None),
    ("a/b/c.png", None), ("javascript:alert(1)", None), ("./", None), ("#top", None), ("http://[bad", None),
    ("..%2f", "http://h/data/..%2f")])
def test_links_of_a_page(href: str, found: str | None) -> None:
    page = f'<html><a href="{href}">x</a><img src="i.png"></html>'.encode()
    assert webindex.links(page, BASE) == ([found] if found else [])


def test_a_page_that_is_no_html_has_no_links() -> None:
    assert webindex.links(bytes(range(256)) * 10, BASE) == []
