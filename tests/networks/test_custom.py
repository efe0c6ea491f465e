"""What can be said of a custom network without running it."""

import pytest

from digits_core.networks.custom import LONGEST, BadNetwork, check_source, parse_values

GOOD = "def build_network(params):\n    return None\n"


@pytest.mark.parametrize(("source", "said"), [
    ("", "no function build_network"), ("def build(params): pass", "no function build_network"),
    ("class build_network: pass", "no function build_network"), ("def f(:\n", "line 1: "),
    ("x = 1\n  y = 2\n", "line 2: unexpected indent"), ("\0", "null byte"), (GOOD + "#" * LONGEST, "characters long"),
    ("def build_network(params):\n    x = (\n", "line 2: '\\(' was never closed")])
def test_what_is_no_network_is_refused_with_its_line(source, said):
    with pytest.raises(BadNetwork, match=said):
        check_source(source)


def test_deep_nesting_ends_no_process():
    with pytest.raises(BadNetwork):
        check_source("(" * 50_000 + ")" * 50_000)


def test_source_is_parsed_and_not_run():
    check_source("raise SystemExit('it ran')\n" + GOOD)


def test_values_are_numbers_switches_and_words():
    assert parse_values(" width=32, dropout = 0.5,\nnorm=True, kind=wide, rate=1e-3,") == {
        "width": 32, "dropout": 0.5, "norm": True, "kind": "wide", "rate": 0.001}
    assert parse_values("") == {}


@pytest.mark.parametrize("text", ["width", "3=4", "a b=1", "=1"])
def test_a_value_without_a_name_is_refused(text):
    with pytest.raises(BadNetwork, match="is not name=value"):
        parse_values(text)
