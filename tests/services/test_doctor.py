import os
import socket
from pathlib import Path

from digits_core.jobs.devices import Gpu
from digits_core.services import doctor
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings

CARD = Gpu("GPU-1", 0, "H200", 2**37, 0)


def test_this_machine_has_what_is_needed(workspace: Workspace) -> None:
    found = doctor.findings(workspace)
    assert doctor.is_healthy(found), [finding for finding in found if not finding.ok]
    assert [path.name for path in workspace.store.root.glob(".doctor*")] == []


def test_missing_and_old_packages_are_named_with_the_command(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("numpy>=2.2\nno-such-thing-at-all>=1.0\npillow>=9999.0\n# a note\n")
    found = doctor.packages(path)
    assert [(finding.name, finding.ok, finding.needed) for finding in found] == [
        ("no-such-thing-at-all", False, True), ("pillow", False, True)]
    assert found[0].todo == "pip install 'no-such-thing-at-all>=1.0'"
    assert not doctor.is_healthy(found)


def test_gpus_are_named_and_no_gpu_is_no_fault(tmp_path: Path) -> None:
    assert doctor.gpu([CARD]).text == "H200 (128 GiB)"
    assert doctor.gpu([], tmp_path / "none", tmp_path).ok


def test_a_card_without_a_driver_and_a_driver_without_its_library_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    assert "no driver is loaded" in doctor.gpu([], tmp_path / "none", tmp_path).text
    assert "NVML" in doctor.gpu([], tmp_path / "nvidia0", tmp_path).text


def test_a_jobs_folder_that_cannot_be_written_is_needed(tmp_path: Path) -> None:
    found = doctor.writable(tmp_path / "nothing")
    assert (found.ok, found.needed) == (False, True)
    assert "DIGITS_JOBS_DIR" in found.todo


def test_a_jobs_folder_in_memory_is_noticed(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n")
    assert not doctor.persistent(tmp_path / "jobs", mounts).ok
    mounts.write_text(f"tmpfs {tmp_path} tmpfs rw 0 0\n/dev/sdb {tmp_path}/jobs xfs rw 0 0\n")
    assert doctor.persistent(tmp_path / "jobs", mounts).text == "file system xfs"
    assert doctor.file_system(tmp_path, tmp_path / "none") == ""


def test_small_shared_memory_and_few_descriptors_are_noted(tmp_path: Path) -> None:
    assert not doctor.shared_memory(tmp_path / "none").ok
    assert doctor.descriptors(1024).todo == "ulimit -n 65536, before the start."
    assert doctor.descriptors(65536).ok


def test_a_taken_port_is_noted() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert not doctor.port(number).ok
    assert doctor.port(number).ok


def test_every_finding_that_is_not_ok_says_what_to_do(tmp_path: Path) -> None:
    for finding in (doctor.writable(tmp_path / "no"), doctor.descriptors(10), doctor.shared_memory(tmp_path / "no")):
        assert finding.todo
    assert os.access(tmp_path, os.W_OK)


def test_the_folder_of_published_weights_is_looked_at(settings: Settings, tmp_path: Path) -> None:
    missing = doctor.weights(settings.model_copy(update={"weights_dir": str(tmp_path / "nowhere")}))
    assert not missing.ok and not missing.needed and "DIGITS_WEIGHTS_DIR" in missing.todo
    (tmp_path / "resnet18-f37072fd.pth").touch()
    there = doctor.weights(settings.model_copy(update={"weights_dir": str(tmp_path), "weights_url": "none"}))
    assert there.ok and there.text == f"1 files in {tmp_path}; others cannot be had (DIGITS_WEIGHTS_URL)."
