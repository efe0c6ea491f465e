import threading

import pytest

from digits_core.errors import BadData, NotFound
from digits_core.infer.loaded import Loaded
from tests.infer.model_folders import add_checkpoint, make_model

FIRST, BEST = "epoch_0001.000.safetensors", "epoch_0002.000.safetensors"


@pytest.fixture
def loads():
    return []


@pytest.fixture
def loaded(store, loads):
    def load(model, row):
        loads.append((model.path.name, row.file))
        return object()

    return Loaded(store, 2, load)


def test_a_model_is_loaded_once(store, loaded, loads):
    view = make_model(store)
    assert loaded.get(view.id, BEST) is loaded.get(view.id, BEST)
    assert loads == [(view.id, BEST)]


def test_the_one_that_nobody_asked_for_the_longest_goes_first(store, loaded, loads):
    one, two, three = (make_model(store, seed).id for seed in range(3))
    for job_id in (one, two, one, three):
        loaded.get(job_id, BEST)
    assert loaded.keys() == [(one, BEST), (three, BEST)]
    loaded.get(one, BEST)
    assert len(loads) == 3
    loaded.get(two, BEST)
    assert len(loads) == 4


def test_a_checkpoint_that_changed_is_loaded_again(store, loaded, loads):
    view = make_model(store)
    loaded.get(view.id, BEST)
    add_checkpoint(view.folder.path, 2.0, seed=99, best=True)
    loaded.get(view.id, BEST)
    (view.folder.path / "labels.txt").write_text("".join(f"{n}\n" for n in range(10)))
    loaded.get(view.id, BEST)
    assert len(loads) == 3


def test_a_model_that_cannot_be_loaded_takes_no_place(store, loaded, loads):
    good, bad = make_model(store), make_model(store, 1)
    loaded.get(good.id, BEST)
    (bad.folder.path / "network.json").write_text("{")
    for file in (FIRST, BEST):
        with pytest.raises(BadData):
            loaded.get(bad.id, file)
    with pytest.raises(NotFound):
        loaded.get("20200101-000000-0000", BEST)
    assert loaded.keys() == [(good.id, BEST)]


def test_many_threads_load_a_model_once(store, loaded, loads):
    view = make_model(store)
    threads = [threading.Thread(target=loaded.get, args=(view.id, BEST)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
