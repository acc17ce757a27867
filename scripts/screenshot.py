"""Screenshot of TensorBoard, by Chromium: `python scripts/screenshot.py runs docs/tensorboard.png`."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from throughtime.cli.command_line import run_script
from throughtime.errors import UserError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> None:
    """Serve a folder of runs with TensorBoard and take a screenshot of one of its pages."""
    parser = argparse.ArgumentParser(
        description="Take a screenshot of a page of TensorBoard with a headless Chromium."
    )
    parser.add_argument("logdir", type=Path, help="the folder that TensorBoard shows, such as runs")
    parser.add_argument("picture", type=Path, help="the PNG to write")
    parser.add_argument(
        "--page", default="custom_scalars", help="scalars, custom_scalars, text, hparams, images …"
    )
    parser.add_argument("--size", default="1400,1000", help="width,height in pixels")
    parser.add_argument("--port", type=int, default=6099)
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UserError(f"no browser found; install one of: {', '.join(BROWSERS)}")
    address = f"http://127.0.0.1:{options.port}"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "tensorboard.main", "--logdir", str(options.logdir)),
            *("--port", str(options.port), "--reload_interval", "2"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"{address}/data/runs")
        _take_screenshot(browser, f"{address}/#{options.page}", options.picture, options.size)
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str, seconds: float = 60.0) -> None:
    """Wait until TensorBoard has read the first run."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.read().strip() not in (b"", b"[]"):
                    return
        except OSError:
            pass
        time.sleep(0.5)
    raise UserError(f"TensorBoard found no run within {seconds:.0f} seconds; is the folder right?")


def _take_screenshot(browser: str, address: str, picture: Path, size: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
                *(
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--disable-quic",
                ),
                f"--user-data-dir={profile}",
                f"--window-size={size}",
                "--virtual-time-budget=20000",
                f"--screenshot={picture.resolve()}",
                address,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    run_script(main)
