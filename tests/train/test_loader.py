"""Batches: every picture once, the same whatever way they are read, and clear words when a reader dies."""

import os
import signal

import numpy as np
import pytest
import torch

from digits_core.data.targets import LABEL
from digits_core.errors import BadData
from digits_core.jobs.store import JobStore
from digits_core.train import sources
from digits_core.train.augment import Transform
from digits_core.train.dataset import Dataset, Preprocessing
from digits_core.train.hardware import Hardware
from digits_core.train.loader import Loader
from digits_core.train.options import ClassifierOptions
from digits_core.train.plan import Plan
from digits_core.train.sources import LoaderDied
from tests.train import drawn
from tests.train.drawn import Recorder

CPU = torch.device("cpu")
NONE = torch.zeros(64)


def transform(store: JobStore, crop: int | None = None, mean: str = "none", flip: bool = False) -> Transform:
    data = Dataset.read(drawn.dataset(store, shape=(2, 9, 12)).folder)
    return Transform(Preprocessing(data, crop, mean), ClassifierOptions(flip="lr" if flip else "none"), CPU)


def pictures(count: int = 64) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 2, 9, 12), np.uint8))


def test_the_mean_image_is_cut_like_the_picture(store: JobStore) -> None:
    made = transform(store, crop=6, mean="image")
    pixels = pictures()
    whole = torch.sub(pixels, made.subtract_CHW) / made.divide_C11
    found = made.random(pixels, NONE, 3)[0]
    for picture, cut in zip(whole, found, strict=True):
        assert any(torch.equal(picture[:, y:y + 6, x:x + 6], cut) for y in range(4) for x in range(7))


def test_random_crops_reach_every_corner_and_depend_on_the_seed_alone(store: JobStore) -> None:
    made = transform(store, crop=8)
    pixels = (torch.arange(9)[:, None] * 12 + torch.arange(12)).to(torch.uint8).expand(500, 2, 9, 12)
    first = (made.random(pixels, NONE, 3)[0] * made.divide_C11)[:, 0, 0, 0].round()
    assert sorted(set(first.tolist())) == [0, 1, 2, 3, 4, 12, 13, 14, 15, 16]
    assert torch.equal(made.random(pixels, NONE, 3)[0], made.random(pixels, NONE, 3)[0])
    assert not torch.equal(made.random(pixels, NONE, 3)[0], made.random(pixels, NONE, 4)[0])


def test_about_half_of_the_pictures_are_mirrored(store: JobStore) -> None:
    made, plain = transform(store, flip=True), transform(store)
    pixels = pictures(400)
    straight, found = plain.plain(pixels, NONE)[0], made.random(pixels, NONE, 5)[0]
    mirrored = [torch.equal(one.flip(2), other) for one, other in zip(straight, found, strict=True)]
    assert 150 < sum(mirrored) < 250
    assert all(m or torch.equal(one, other) for m, one, other in zip(mirrored, straight, found, strict=True))
    assert torch.equal(made.plain(pixels, NONE)[0], straight)


def test_measuring_cuts_the_centre(store: JobStore) -> None:
    made = transform(store, crop=4, mean="image")
    whole = torch.sub(pictures(), made.subtract_CHW) / made.divide_C11
    assert torch.equal(made.plain(pictures(), NONE)[0], whole[:, :, 2:6, 4:8])


def test_every_picture_is_used_once_an_epoch(store: JobStore) -> None:
    view = drawn.model(store, drawn.dataset(store, train=37, shape=(1, 12, 12)))
    options = ClassifierOptions(epochs=2, loading="memory", mean="none", batch_size=8)
    data = Dataset.read(store.folder(view.job.options["dataset"]))
    loader = Loader(data, options, Recorder(store, view.id))
    loader.prepare()
    hardware = Hardware(torch.device("cpu"))
    transformed = Transform(Preprocessing.of(data, options), options, hardware.device)
    loader.attach(transformed, Plan(options, 37, 8, 1), hardware)
    batches = list(loader.train(0))
    assert [len(batch.target) for batch in batches] == [8, 8, 8, 8, 5] * 2
    sums = [sorted(float(picture.sum()) for batch in batches[start:start + 5] for picture in batch.image_BCHW)
            for start in (0, 5)]
    assert sums[0] == pytest.approx(sums[1])
    assert len(set(sums[0])) > 30


def test_parallel_and_single_decoding_give_the_same_pictures(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    data = drawn.dataset(store, train=101)
    records, shape = Dataset.read(data.folder).records("train"), (1, 12, 12)
    alone = sources.pack(records, shape, np.dtype(np.uint8), LABEL, lambda share: None)
    monkeypatch.setattr(sources, "SMALL", 0)
    monkeypatch.setattr(sources, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(sources, "cpu_count", lambda: 3)
    shares: list[float] = []
    together = sources.pack(records, shape, np.dtype(np.uint8), LABEL, shares.append)
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
    assert shares == sorted(shares)


class Deadly:
    """Records whose reader is killed."""

    def __len__(self) -> int:
        return 40

    def batch(self, indices: object, spec: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_decoding_process_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SMALL", 0)
    monkeypatch.setattr(sources, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(sources, "cpu_count", lambda: 2)
    with pytest.raises(LoaderDied, match="killed"):
        sources.pack(Deadly(), (1, 12, 12), np.dtype(np.uint8), LABEL, lambda share: None)  # type: ignore[arg-type]


def test_a_killed_loader_process_is_a_clear_failure() -> None:
    streamed = sources.Streamed(Deadly(), LABEL, 1, torch.device("cpu"))  # type: ignore[arg-type]
    with pytest.raises(LoaderDied, match="A loader process was killed"):
        list(streamed.batches(iter([np.arange(3), np.arange(3)])))


def test_a_damaged_record_is_named_by_streaming_processes(store: JobStore) -> None:
    data = drawn.dataset(store)
    streamed = sources.Streamed(Dataset.read(data.folder).records("train"), LABEL, 1, torch.device("cpu"))
    with pytest.raises(BadData, match="has no record 999") as error:
        list(streamed.batches(iter([np.array([999])])))
    assert "Traceback" not in str(error.value)
