"""Decoding processes may crash, hang and be killed: that costs the picture, and order and sums stay exact."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from digits_core.data import decoder, pool
from digits_core.data.pool import Item, Pool
from digits_core.data.recipe import Recipe
from digits_core.data.records import unpack_record
from digits_core.data.statistics import Statistics
from digits_core.errors import DigitsError
from tests.data import pictures

RECIPE = Recipe("color", 12, 8, "squash", "none")


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    top = pictures.class_folders(tmp_path / "set", {"a": 40})
    return [Item(str(path), path.name, 0) for path in sorted((top / "a").iterdir())]


@pytest.fixture
def traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder in which the picture named crash.png kills its process, and hang.png never ends."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, time\n"
        "import digits_core.data.pictures as p\n"
        "real = p.decode\n"
        "def decode(data, name):\n"
        "    if name == 'crash.png': os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    if name == 'hang.png':\n"
        "        while True: time.sleep(1)\n"
        "    if name == 'exit.png': os._exit(3)\n"
        "    if name == 'memory.png': bytearray(1 << 40)\n"
        "    return real(data, name)\n"
        "p.decode = decode\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_outcomes_come_in_order_and_the_mean_is_exact(items: list[Item]) -> None:
    statistics = Statistics((3, 8, 12))
    with Pool(RECIPE, 2) as made:
        outcomes = list(made.outcomes(items, statistics))
    assert [outcome.item for outcome in outcomes] == items
    pixels = np.stack([unpack_record(bytes(outcome.record)).pixels() for outcome in outcomes])
    assert np.allclose(statistics.mean(), pixels.mean(axis=0)) and statistics.count == 40
    means, deviations = statistics.pixel()
    assert np.allclose(means, pixels.mean(axis=(0, 2, 3))) and np.allclose(deviations, pixels.std(axis=(0, 2, 3)))


def test_sums_stay_exact_for_the_largest_chunk_of_white() -> None:
    sums = decoder.Sums((1, 2, 2))
    for _ in range(decoder.CHUNK_LIMIT):
        sums.add(np.full((1, 2, 2), 255, np.uint8))
    statistics = Statistics((1, 2, 2))
    statistics.add(b"".join(sums.packed()), decoder.CHUNK_LIMIT)
    assert statistics.mean().tolist() == [[[255.0, 255.0], [255.0, 255.0]]] and statistics.pixel() == ([255.0], [0.0])


@pytest.mark.parametrize(("name", "reason"), [("crash.png", "signal 11"), ("exit.png", "exit code 3"),
                                              ("hang.png", "longer than 0.5 s"), ("memory.png", "memory")])
def test_a_picture_that_ends_its_decoder_is_skipped_alone(
        items: list[Item], traps: None, tmp_path: Path, name: str, reason: str) -> None:
    bad = Path(items[0].location).with_name(name)
    bad.write_bytes(Path(items[0].location).read_bytes())
    mixed = [*items[:10], Item(str(bad), name, 0), *items[10:]]
    statistics = Statistics((3, 8, 12))
    with Pool(Recipe("color", 12, 8, "squash", "none", limit_s=0.5), 2) as made:
        outcomes = list(made.outcomes(mixed, statistics))
    assert [outcome.item for outcome in outcomes] == mixed
    assert [outcome.item.name for outcome in outcomes if outcome.record is None] == [name]
    assert reason in outcomes[10].reason and statistics.count == 40


def test_a_decoder_that_is_killed_once_costs_no_picture(items: list[Item]) -> None:
    with Pool(RECIPE, 1) as made:
        outcomes = made.outcomes(items * 20)
        found = [next(outcomes)]
        process = made.decoders[0].process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        found += list(outcomes)
    assert len(found) == 800 and all(outcome.record is not None for outcome in found)


def test_a_slow_picture_does_not_pile_up_the_others(items: list[Item], traps: None) -> None:
    slow = Path(items[0].location).with_name("hang.png")
    slow.write_bytes(b"x")
    taken = 0

    def source() -> object:
        nonlocal taken
        for item in [Item(str(slow), "hang.png", 0), *items * 500]:
            taken += 1
            yield item

    with Pool(Recipe("color", 12, 8, "squash", "none", limit_s=1), 2) as made:
        first = next(made.outcomes(source()))
    assert "longer than 1 s" in first.reason and taken < 8 * 257


def test_all_pictures_come_when_one_holds_up_the_others(items: list[Item], tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is decoded the others wait behind it; when it comes last, all decoders are idle at that moment."""
    (tmp_path / "sitecustomize.py").write_text(
        "import time\n"
        "import digits_core.data.pictures as p\n"
        "real = p.decode\n"
        "def decode(data, name):\n"
        "    if name == 'slow.png': time.sleep(1)\n"
        "    return real(data, name)\n"
        "p.decode = decode\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    slow = Path(items[20].location).rename(Path(items[20].location).with_name("slow.png"))
    ordered = [*items[:20], Item(str(slow), "slow.png", 0), *items[21:]]
    with Pool(RECIPE, 2) as made:
        made.size = made.most = 1
        assert [outcome.item for outcome in made.outcomes(ordered)] == ordered


def test_stopping_ends_all_processes_at_once(items: list[Item], traps: None) -> None:
    slow = Path(items[0].location).with_name("hang.png")
    slow.write_bytes(b"x")

    class Stop(BaseException):
        pass

    def tick() -> None:
        raise Stop

    made = Pool(RECIPE, 2, tick)
    start = time.monotonic()
    with pytest.raises(Stop), made:
        processes = made.decoders
        list(made.outcomes([Item(str(slow), "hang.png", 0)]))
    assert time.monotonic() - start < 10 and all(entry.process is None for entry in processes)


def test_decoders_that_cannot_start_are_told(
        items: list[Item], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DigitsError, match=r"did not start.*7"), Pool(RECIPE, 1) as made:
        list(made.outcomes(items))


def test_a_large_target_is_sent_in_small_chunks() -> None:
    with Pool(Recipe("color", 10_000, 10_000, "squash", "none"), 1) as made:
        assert made.most == 1
    assert pool.TARGET_S < 1


def test_no_process_is_left(items: list[Item]) -> None:
    with Pool(RECIPE, 2) as made:
        list(made.outcomes(items))
        pids = [entry.process.pid for entry in made.decoders if entry.process is not None]
    assert pids and not any(Path(f"/proc/{pid}").exists() for pid in pids)
