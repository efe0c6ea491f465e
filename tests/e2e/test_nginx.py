"""The nginx site that is delivered, in a real nginx before a real server."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_story import choose_name
from tests.faults.waiting import until
from tests.serving import ROOT, Server, free_port, serving

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]
PREFIX = "/digits"


def site(port: int, server: Server) -> str:
    """The delivered file with the test's ports and folders, and a limit that a test can reach."""
    text = (ROOT / "deploy" / "nginx-site.conf").read_text()
    for old, new in (("listen 80;", f"listen 127.0.0.1:{port};"), ("location / {", f"location {PREFIX} {{"),
                     ("127.0.0.1:34448", f"127.0.0.1:{server.port}"), ("/opt/digits/deploy", f"{ROOT}/deploy"),
                     ("client_max_body_size 20000m", "client_max_body_size 1m")):
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, server: Server) -> Iterator[str]:
    """The address of an nginx with the site, until the block ends."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    assert Path(program).exists(), "No nginx: install it with `apt-get install nginx-light` (the tests never skip it)."
    port = free_port()
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in (
        "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; {places}\n{site(port, server)}\n}}\n")
    command = [program, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    with subprocess.Popen(command) as child:
        try:
            until(lambda: _answers(f"http://127.0.0.1:{port}"), 30)
            yield f"http://127.0.0.1:{port}{PREFIX}"
        finally:
            os.kill(child.pid, signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code > 0
    except httpx.TransportError:
        return False


def test_the_page_works_through_it_and_its_own_pages_say_what_is_wrong(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path / "jobs", DIGITS_URL_PREFIX=PREFIX) as server, nginx(tmp_path, server) as url:
        page.goto(url)
        choose_name(page, "fred")
        page.get_by_role("link", name="Datasets", exact=True).first.click()
        expect(page).to_have_url(f"{url}/datasets")
        large = httpx.post(f"{url}/api/datasets/upload", content=b"x" * 2_000_000)
        assert large.status_code == 413 and "<h1>This is too large</h1>" in large.text
        refused = httpx.get(f"{url}/api/jobs/none")
        assert refused.status_code == 404 and "message" in refused.json()["error"]  # ours, not nginx's
        tus = {"X-Digits-User": "fred", "Tus-Resumable": "1.0.0", "Upload-Length": "3"}
        assert re.match(f"{PREFIX}/api/uploads/", httpx.post(f"{url}/api/uploads", headers=tus).headers["location"])
        server.kill()
        gone = httpx.get(f"{url}/")
        assert gone.status_code == 502 and "<h1>DIGITS does not answer</h1>" in gone.text
