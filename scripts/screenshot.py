"""The README's picture: starts a server with the demo, waits until its training is done, and takes docs/screenshot.png.

python scripts/screenshot.py [--dark] [FILE]
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition, timeout_s: float, what: str):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except httpx.HTTPError:
            pass  # the server is not up yet
        time.sleep(0.5)
    raise SystemExit(f"{what} did not happen within {timeout_s:.0f} s.")


def trained(url: str, status: str = "done") -> str:
    """Id of a model in that state; empty until there is one."""
    for job in httpx.get(f"{url}/api/jobs", params={"kind": "model"}, timeout=10).json()["jobs"]:
        if job["status"] == "failed":
            raise SystemExit(f"The demo's training failed: {job['reason']}")
        if job["status"] == status:
            return str(job["id"])
    return ""


def take(page: Page, url: str, target: Path) -> None:
    page.goto(url)
    page.get_by_test_id("stPlotlyChart").first.wait_for(timeout=60_000)
    page.get_by_text("Confusion").wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # plotly draws without telling anybody
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)


def main() -> None:
    names = [name for name in sys.argv[1:] if not name.startswith("--")]
    target = Path(names[0]) if names else ROOT / "docs" / "screenshot.png"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("No Chromium: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environ = {**os.environ, "DIGITS_JOBS_DIR": f"{folder}/jobs", "DIGITS_DEMO": "1", "DIGITS_SERVER_NAME": "demo"}
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless",
             "true"], cwd=ROOT, env=environ)
        try:
            job = until(lambda: trained(url), 600, "The end of the demo's training")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                context = browser.new_context(viewport={"width": 1360, "height": 1240},
                                              color_scheme="dark" if "--dark" in sys.argv else "light")
                context.add_cookies([{"name": "digits_name", "value": "fred", "url": url}])
                page = context.new_page()
                take(page, f"{url}/job?id={job}", target)
                browser.close()
        finally:
            server.terminate()
            server.wait(30)
    print(target)


if __name__ == "__main__":
    main()
