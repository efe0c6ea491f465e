import threading

import pytest

from digits_core.errors import BadData
from digits_core.infer.gather import Gather


class Device:
    """Calculates when it is let; remembers its batches."""

    def __init__(self):
        self.batches, self.open = [], threading.Event()

    def run(self, items):
        self.batches.append(list(items))
        assert self.open.wait(30)
        if "bad" in items:
            raise BadData("bad")
        return [item * 2 for item in items]


def asked(gather, requests):
    """The answers of requests that come while the device is at work on a first one, each from its own thread."""
    found, device = {}, gather.run.__self__

    def one(number, items):
        try:
            found[number] = gather.ask(lambda: items)
        except BadData as error:
            found[number] = str(error)

    threads = [threading.Thread(target=one, args=(number, items)) for number, items in enumerate(requests)]
    threads[0].start()
    while not device.batches:
        threads[0].join(0.001)
    for thread in threads[1:]:
        thread.start()
    while len(gather._waiting) < sum(map(len, requests[1:])):
        threads[0].join(0.001)
    device.open.set()
    for thread in threads:
        thread.join(30)
    return [found[number] for number in range(len(requests))]


@pytest.fixture
def gather():
    return Gather(Device().run, 4, threading.Lock())


def test_requests_that_come_meanwhile_share_batches(gather):
    assert asked(gather, [["a"], ["b"], ["c", "d"], ["e", "f"]]) == [["aa"], ["bb"], ["cc", "dd"], ["ee", "ff"]]
    assert [len(batch) for batch in gather.run.__self__.batches] == [1, 4, 1]


def test_what_is_wrong_with_one_request_is_nobody_elses(gather):
    assert asked(gather, [["a"], ["b", "c"], ["bad"]]) == [["aa"], ["bb", "cc"], "bad"]


def test_a_lone_request_waits_for_nobody():
    device = Device()
    device.open.set()
    assert Gather(device.run, 4, threading.Lock(), window_s=60).ask(lambda: ["a"]) == ["aa"]


def test_a_batch_waits_for_a_request_that_is_being_prepared():
    device, entered, go = Device(), threading.Event(), threading.Event()
    device.open.set()
    gather = Gather(device.run, 4, threading.Lock(), window_s=60)

    def slow():
        entered.set()
        assert go.wait(30)
        return ["b"]

    threads = [threading.Thread(target=gather.ask, args=(slow,)), threading.Thread(target=gather.ask,
                                                                                   args=(lambda: ["a"],))]
    threads[0].start()
    assert entered.wait(30)
    threads[1].start()
    while not gather._waiting:
        threads[1].join(0.001)
    go.set()
    for thread in threads:
        thread.join(30)
    assert [sorted(batch) for batch in device.batches] == [["a", "b"]]


def test_a_request_that_cannot_be_prepared_leaves_nothing_behind(gather):
    gather.run.__self__.open.set()
    with pytest.raises(ZeroDivisionError):
        gather.ask(lambda: [1 / 0])
    assert gather.ask(lambda: ["a"]) == ["aa"]
    assert gather._coming == 0
