"""Best and last are always there, others by rule, and a checkpoint is whole or does not exist."""

from pathlib import Path

import pytest

from digits_core import files
from digits_core.errors import BadData
from digits_core.train.checkpoints import Checkpoints, read_weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def made(folder: Path, keep: int = 0) -> Checkpoints:
    return Checkpoints(folder, "val/accuracy", keep)


def publish(checkpoints: Checkpoints, step: int, accuracy: float | None = None, content: bytes = b"") -> None:
    checkpoints.publish(content or b"weights %d" % step, step / 10, step,
                        {} if accuracy is None else {"val/accuracy": accuracy})


def steps(checkpoints: Checkpoints) -> list[int]:
    return [row["step"] for row in checkpoints.rows()]


def best(folder: Path) -> list[int]:
    return [row["step"] for row in made(folder).rows() if row["best"]]


def test_best_and_last_and_the_newest_others_are_kept_at_every_moment(folder: Path) -> None:
    accuracies = [0.1, 0.9, 0.3, 0.4, 0.5, 0.6, 0.7, 0.95, 0.2, 0.2]
    for number, accuracy in enumerate(accuracies):
        publish(made(folder, keep=2), number, accuracy)
        top = max(range(number + 1), key=lambda i: accuracies[i])
        others = [i for i in range(number) if i != top]
        assert steps(made(folder)) == sorted({number, top, *others[-2:]})
        assert best(folder) == [top]
        assert len(list(folder.iterdir())) == 2 * len(steps(made(folder)))


def test_zero_keeps_all(folder: Path) -> None:
    for step in range(12):
        publish(made(folder), step, 0.5)
    assert steps(made(folder)) == list(range(12))
    assert best(folder) == [0]


def test_without_measurements_the_newest_is_the_best(folder: Path) -> None:
    for step in range(3):
        publish(made(folder), step)
    assert best(folder) == [2]


def test_a_stop_checkpoint_is_never_better_than_a_measured_one(folder: Path) -> None:
    publish(made(folder), 1, 0.2)
    publish(made(folder), 2)
    assert best(folder) == [1]


def test_only_a_finite_goal_can_be_best(folder: Path) -> None:
    publish(made(folder), 1, 0.2)
    assert not made(folder).is_better({"val/accuracy": float("nan")})
    assert not made(folder).is_better({"val/accuracy": 0.2})
    assert made(folder).is_better({"val/accuracy": 0.3})


def test_names_sort_and_carry_the_epoch(folder: Path) -> None:
    made(folder).publish(b"x", 13.0, 812, {})
    made(folder).publish(b"y", 2.5, 90, {})
    assert sorted(path.name for path in folder.glob("*.safetensors")) == ["epoch_0002.500.safetensors",
                                                                          "epoch_0013.000.safetensors"]


def test_two_steps_with_the_same_rounded_epoch_do_not_meet(folder: Path) -> None:
    made(folder).publish(b"x", 1.00001, 100_001, {})
    made(folder).publish(b"y", 1.00002, 100_002, {})
    assert {row["step"]: read_weights(folder, row) for row in made(folder).rows()} == {100_001: b"x", 100_002: b"y"}


def test_the_same_step_again_gets_its_measurements(folder: Path) -> None:
    publish(made(folder), 4)
    publish(made(folder), 4, 0.7)
    assert [row["metrics"] for row in made(folder).rows()] == [{"val/accuracy": 0.7}]


def test_weights_without_json_are_no_checkpoint_and_go(folder: Path) -> None:
    publish(made(folder), 1, 0.5)
    (folder / "epoch_0000.200.safetensors").write_bytes(b"half")
    (folder / ".epoch_0000.300.safetensors.ab12.tmp").write_bytes(b"half")
    made(folder).tidy()
    assert sorted(path.name for path in folder.iterdir()) == ["epoch_0000.100.json", "epoch_0000.100.safetensors"]


def test_a_changed_bit_is_found(folder: Path) -> None:
    publish(made(folder), 1, 0.5)
    (folder / "epoch_0000.100.safetensors").write_bytes(b"weights 2")
    with pytest.raises(BadData, match="wrong sha256"):
        read_weights(folder, made(folder).rows()[0])


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"epoch": "x", "step": 1}', b"\0\0"])
def test_a_damaged_json_is_no_checkpoint(folder: Path, content: bytes) -> None:
    publish(made(folder), 1, 0.5)
    (folder / "epoch_0000.900.json").write_bytes(content)
    assert steps(made(folder)) == [1]


def test_a_name_that_leaves_the_folder_is_no_checkpoint(folder: Path) -> None:
    files.write_atomic(folder / "epoch_0000.100.json", {"epoch": 0.1, "step": 1, "file": "../../secret"})
    assert steps(made(folder)) == []
