from collections.abc import Callable

from tests.cli.conftest import last_json


def test_compare_prints_what_differs_and_the_best_values(digits: Callable, finished_job: Callable) -> None:
    dataset = finished_job("dataset")
    runs = [finished_job("model", name=f"[b]run {i}", needs=(dataset.id,), options={"learning_rate": rate})
            for i, rate in enumerate((0.1, 0.01))]
    done = digits("compare", *(run.id for run in runs))
    assert done.exit_code == 0
    head = done.stdout.splitlines()[0]
    assert "learning_rate" in head and "epochs" not in head
    assert "[b]run 0" in done.stdout and "best val/accuracy: 0.5 at epoch 1" in done.stdout
    assert last_json(digits("compare", "--json").stdout)["differing"] == {"learning_rate": ["0.01", "0.1"]}


def test_values_with_commas_between_make_a_sweep(digits: Callable, finished_job: Callable) -> None:
    done = digits("train", "--dataset", finished_job("dataset").id, "--name", "m", "--learning-rate", "0.1,0.01",
                  "--solver", "sgd,adam", "--lr-steps", "20,50", "--json")
    jobs = last_json(done.stdout)["jobs"]
    assert [job["name"] for job in jobs][:2] == ["m learning_rate:0.1 solver:sgd", "m learning_rate:0.1 solver:adam"]
    assert {job["group"] for job in jobs} == {"m"} and len(jobs) == 4
    bad = digits("train", "--dataset", jobs[0]["needs"][0], "--learning-rate", "0.1,many")
    assert bad.exit_code == 2 and "--learning-rate" in bad.stderr


def test_random_trainings_are_drawn(digits: Callable, finished_job: Callable) -> None:
    done = digits("train", "--dataset", finished_job("dataset").id, "--name", "m", "--learning-rate", "0.1,0.001",
                  "--draws", "3", "--json")
    rates = [job["options"]["learning_rate"] for job in last_json(done.stdout)["jobs"]]
    assert len(set(rates)) == 3 and all(0.001 <= rate <= 0.1 for rate in rates)
