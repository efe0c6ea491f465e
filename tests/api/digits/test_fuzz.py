"""Made-up forms on every one of DIGITS' routes: whatever is sent, the answer is never the server's fault."""

import hypothesis
import pytest
from hypothesis import strategies as st

from digits_core.api import digits
from digits_core.api.digits.dataset_fields import CLASSIFICATION, EXTENSIONS, LISTS, PREBUILT
from digits_core.api.digits.model_fields import SINGLE_FILES, TRAINING, UPLOADS
from digits_core.jobs.store import JobStore
from tests.api.conftest import TestClient

SETTINGS = hypothesis.settings(derandomize=True, deadline=None, database=None, phases=[hypothesis.Phase.generate],
                               suppress_health_check=list(hypothesis.HealthCheck))
TABLES = [*CLASSIFICATION, *PREBUILT, *TRAINING, *SINGLE_FILES,
          *(field for kind in EXTENSIONS.values() for field in kind.fields)]
FIELDS = sorted({field.theirs for field in TABLES} | {
    "dataset_name", "model_name", "group_name", "dataset", "standard_networks", "previous_networks", "custom_network",
    "pretrained_networks", "custom_network_snapshot", "framework", "backend", "has_val_folder", "job_id", "job_ids[]",
    "textfile_use_local_files", "image_path", "snapshot_epoch", "top_n", "num_test_images", "db_path", "network",
    "dataset_id", "job_name", "job_notes", "next", "query", "username", "select_gpu", "train_image_count", "epoch"})
FILES = [*LISTS, *UPLOADS, "image_file", "image_list", "archive"]
SLOW = ("/classify_", "/infer_", "/top_n", "/visualize-network")
"""Routes that ask the inference process, or try a network."""


def words(ids: list[str]) -> st.SearchStrategy[str]:
    known = ["", "0", "1", "-1", "1e999", "nan", "0.5", "1,2", ",", "true", "None", "folder", "textfile", "standard",
             "previous", "pretrained", "custom", "lenet", "multistep", "sigmoid", "exp", "inv", "caffe", "/tmp",
             "../..", "http://localhost:1/", "job:upload/x", "\0", "%00", "é" * 300, "9" * 400, *ids]
    return st.sampled_from(known) | st.text(max_size=20)


@pytest.fixture
def ids(store: JobStore, finished_job) -> list[str]:
    return [finished_job(kind, owner="fred").id for kind in ("dataset", "model", "pretrained", "inference", "frames")]


def asked(fred: TestClient, ids: list[str], fast: bool, examples: int) -> int:
    """Send so many made-up requests to each route; how many it were."""
    sent = 0
    routes = [*((row, [""]) for row in digits.plain()), *((row, ["", "/json", ".json"]) for row in digits.table())]
    for (method, path, _), endings in routes:
        if fast and any(part in path for part in SLOW):
            continue

        @hypothesis.settings(SETTINGS, max_examples=examples)
        @hypothesis.given(st.data())
        def one(data: st.DataObject) -> None:
            nonlocal sent
            sent += 1
            fields = data.draw(st.dictionaries(st.sampled_from(FIELDS), words(ids), max_size=12))
            files = data.draw(st.dictionaries(st.sampled_from(FILES), st.binary(max_size=60), max_size=2))
            place = path  # noqa: B023
            for part in ("{job_id}", "{extension}", "{name:path}", "{ending}"):
                place = place.replace(part, data.draw(st.sampled_from([*ids, *EXTENSIONS, "x", "zip", "labels.txt"])))
            ending = data.draw(st.sampled_from(endings))  # noqa: B023
            changes = method != "GET"  # noqa: B023
            answer = fred.request(method, place + ending, params=None if changes else fields,  # noqa: B023
                                  data=fields if changes else None, files=files if changes and files else None)
            assert answer.status_code < 500, (method, place, fields, files, answer.text[:500])  # noqa: B023
            if answer.status_code >= 400 and "/upload_archive" not in place:
                assert {"error", "errors"} & set(answer.json()), (place, answer.text[:200])

        one()
    return sent


def test_made_up_forms_are_the_callers_fault(fred: TestClient, ids: list[str]) -> None:
    assert asked(fred, ids, True, 2) > 100


@pytest.mark.parametrize("content", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n",
                                     b"a=%ff&b=%00&%", b"\xff\xfe", b'{"dataset_name": 1}', b"a&" * 2000])
@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x", "application/json", "",
                                  "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=x"])
def test_garbage_forms_are_the_callers_fault(fred: TestClient, content: bytes, kind: str) -> None:
    for path in ("/datasets/images/classification/json", "/models/images/generic/infer_one.json", "/group"):
        answer = fred.post(path, content=content, headers={"Content-Type": kind})
        assert (path, 400 <= answer.status_code < 500) == (path, True), answer.text
        assert {"error", "errors"} & set(answer.json())


@pytest.mark.slow
def test_a_thousand_made_up_forms_are_the_callers_fault(fred: TestClient, ids: list[str]) -> None:
    assert asked(fred, ids, True, 20) > 1000
    assert asked(fred, ids, False, 3) > 180
