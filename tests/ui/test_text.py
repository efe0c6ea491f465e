"""Numbers, times and people's words."""

import pytest

from digits_core.ui import text


@pytest.mark.parametrize(("amount", "words"), [
    (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_234_567, "1.23 MB"), (45_600_000_000, "45.6 GB"),
    (999_600, "1.00 MB"), (7.5e15, "7,500 TB"), (None, "–"),
])
def test_sizes_have_three_digits(amount, words):
    assert text.size(amount) == words


@pytest.mark.parametrize(("seconds", "words", "short"), [
    (0, "0 seconds", "0 s"), (61, "1 minute, 1 second", "1 min 1 s"), (7380, "2 hours, 3 minutes", "2 h 3 min"),
    (86400, "1 day", "1 d"), (90_000, "1 day, 1 hour", "1 d 1 h"), (3605, "1 hour", "1 h"), (None, "–", "–"),
    (-5, "0 seconds", "0 s"),
])
def test_durations_have_the_two_largest_units(seconds, words, short):
    assert text.duration(seconds) == words
    assert text.short(seconds) == short


def test_ages_are_relative():
    assert text.age(1000, now=1003) == "just now"
    assert text.age(1000, now=1000 + 7300) == "2 hours ago"
    assert text.age(None) == "–"
    assert text.age("yesterday") == "–"


def test_times_outside_of_any_calendar_are_blank():
    assert text.exact(1e300) == ""
    assert text.exact(None) == ""


def test_percentages_have_two_decimals():
    assert text.percent(0.98765) == "98.77 %"
    assert text.percent("garbage") == "–"


@pytest.mark.parametrize("nasty", [
    "*bold*", "_it_", "`code`", "[link](http://x)", "<b>x</b>", "# head", "$x^2$", ":red[x]", "~~x~~", "![](x)",
    "- list", "1. list", "a | b", "&amp;", "\\", "> quote",
])
def test_marks_of_markdown_are_escaped(nasty):
    escaped = text.plain(nasty)
    bare = escaped.replace("\\\\", "")
    for place, sign in enumerate(bare):
        if sign in "*_`[]<>#$~!|&":
            assert bare[place - 1] == "\\", escaped


@pytest.mark.parametrize("nasty", [":smile:", ":material/delete:", "https://evil.example", "www.evil.example",
                                   "a@b.example", "a -> b", "a <= b", "--"])
def test_what_streamlit_looks_for_after_parsing_is_broken_up(nasty):
    assert "\u2060" in text.plain(nasty)
    assert text.plain(nasty).replace("\u2060", "").replace("\\", "") == nasty


def test_control_and_direction_signs_are_taken_out():
    assert text.plain("a\x00b\u202ec") == "a b c"
    assert text.plain("\u202egnp ") == "gnp"


def test_numbers_from_files_are_numbers_or_none():
    values = [1, 2.5, True, "3", None, float("nan"), float("inf"), [1]]
    assert [text.number(value) for value in values] == [1.0, 2.5, None, None, None, None, None, None]


def test_plurals():
    assert [text.plural(1, "class"), text.plural(2, "class"), text.plural(1200, "picture")] == [
        "1 class", "2 classes", "1,200 pictures"]
