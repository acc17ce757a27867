"""TensorBoard, as it is started by hand, shows a folder of runs of all tasks, and outlives what is deleted below it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
STATUSES = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
SECONDS = 120
SHORT = ("debug=fast", "cell.hidden_size=4", "trainer.accelerator=cpu", "trainer.num_sanity_val_steps=0")
TAGGING = ("task=tagging", "data=conll", "model.front.characters=null")
FORECASTING = ("task=forecasting", "data.look_back=48", "task.backtest.origins=0")


@pytest.fixture(scope="module")
def sweep(command_in: Callable, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a sweep leaves it: two sizes of one model, the second killed and resumed, and the other tasks."""
    home = tmp_path_factory.mktemp("sweep")
    command = command_in(home)
    (home / "tags.conll").write_text("Ann B-PER\nsaw O\nBob B-PER\n\nHe O\nran O\n\n" * 40)
    text = (*small, "trainer.log_every_n_steps=2")
    runs = {
        "0": (*text, "cell=gru", "cell.hidden_size=4"),
        "2": (*SHORT, *TAGGING, "data.path=tags.conll"),
        "3": (*SHORT, *FORECASTING),
    }
    for name, arguments in runs.items():
        finished = command("train.py", *arguments, f"hydra.run.dir=runs/{name}")
        assert finished.returncode == 0, finished.stderr
    often = ("cell.hidden_size=6", "callback.checkpoint.every_n_steps=4", "hydra.run.dir=runs/1")
    assert command("train.py", *text, *often, signal_at_step=(signal.SIGKILL, 15)).returncode < 0
    assert command("train.py", "resume=runs/1").returncode == 0
    return home / "runs"


class Server:
    """A TensorBoard of its own process."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)),
                *("--reload_interval", "1"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, data, {"Content-Type": "application/json"} if data else {}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            content = answer.read()
        return json.loads(content) if content[:1] in b"[{" else content

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until it shows what it should; it reads the folder again every second."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                if condition():
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert self.process.poll() is None, "TensorBoard has ended"
            assert time.monotonic() < deadline, "TensorBoard does not show what it should"
            time.sleep(0.2)

    def points(self, run: str, tag: str) -> list[tuple[int, float]]:
        query = urllib.parse.urlencode({"run": run, "tag": tag})
        return [(step, value) for _, step, value in self.ask(f"/data/plugin/scalars/scalars?{query}")]


@pytest.fixture(scope="module")
def server(sweep: Path) -> Iterator[Server]:
    """TensorBoard on a copy of the sweep, of which a test deletes a part."""
    folder = sweep.parent / "shown"
    shutil.copytree(sweep, folder)
    serving = Server(folder)
    try:
        serving.wait_for(lambda: set(serving.ask("/data/runs")) == {"0", "1", "2", "3"})
        yield serving
    finally:
        serving.process.terminate()
        serving.process.wait(timeout=30)


def results(sweep: Path, name: str) -> dict[str, Any]:
    return json.loads((sweep / name / "results.json").read_text())


def test_each_run_shows_its_own_hyperparameters_and_what_it_came_to(server: Server, sweep: Path) -> None:
    columns = server.ask("/data/plugin/hparams/experiment", {"includeMetrics": True})["metricInfos"]
    question = {
        "includeMetrics": True,
        "allowedStatuses": STATUSES,
        "sliceSize": 100,
        "colParams": [{"metric": column["name"]} for column in columns],
    }
    groups = server.ask("/data/plugin/hparams/session_groups", question)["sessionGroups"]
    shown = {group["sessions"][0]["name"]: group for group in groups}
    assert set(shown) == {"0", "1", "2", "3"}
    assert [shown[name]["hparams"]["cell.hidden_size"] for name in "0123"] == [4, 6, 4, 4]
    assert shown["0"]["hparams"]["cell._target_"] != shown["1"]["hparams"]["cell._target_"]
    for name, group in shown.items():
        metrics = {value["name"]["tag"]: value["value"] for value in group["metricValues"]}
        final = {
            key: value for key, value in results(sweep, name)["metrics"].items() if key.startswith("test/")
        }
        assert len(final) >= 3
        for key, value in final.items():
            assert metrics[key] == pytest.approx(value, rel=1e-5), key
        assert group["sessions"][0]["status"] == "STATUS_SUCCESS"


@pytest.mark.parametrize("tag", ["train/loss", "val/bpc", "test/bpc", "optim/lr", "gradient/norm"])
def test_no_point_is_stale_after_a_resume(server: Server, tag: str) -> None:
    steps = [step for step, _ in server.points("1", tag)]
    assert steps == [step for step, _ in server.points("0", tag)] == sorted(set(steps)) and steps


def test_one_page_has_the_loss_and_the_measure_of_every_task(server: Server) -> None:
    page = server.ask("/data/plugin/custom_scalars/layout")
    charts = {chart["title"]: chart for category in page["category"] for chart in category["chart"]}
    assert {"loss", "bpc", "f1", "mae", "learning rate"} <= set(charts)
    assert charts["f1"]["multiline"]["tag"] == ["^val/f1$", "^test/f1$"]
    for title, run in (("bpc", "0"), ("f1", "2"), ("mae", "3")):
        query = urllib.parse.urlencode({"run": run, "tag": charts[title]["multiline"]["tag"][0]})
        drawn = server.ask(f"/data/plugin/custom_scalars/scalars?{query}")
        assert drawn["regex_valid"] and drawn["tag_to_events"]


def test_samples_are_text_and_figures_are_pictures(server: Server) -> None:
    texts = server.ask("/data/plugin/text/tags")
    assert "samples/text_summary" in texts["0"] and "val/tags/text_summary" in texts["2"]
    query = urllib.parse.urlencode({"run": "1", "tag": "samples/text_summary"})
    assert [entry["step"] for entry in server.ask(f"/data/plugin/text/text?{query}")] == [10, 20]
    pictures = server.ask("/data/plugin/images/tags")
    assert {"val/forecast", "test/error_by_step", "val/residuals"} <= set(pictures["3"])
    for run, tag in (("2", "val/confusion"), ("3", "val/forecast")):
        query = urllib.parse.urlencode({"run": run, "tag": tag, "sample": 0})
        (*_, last) = server.ask(f"/data/plugin/images/images?{query}")
        picture = server.ask(f"/data/plugin/images/individualImage?{last['query']}")
        assert picture.startswith(b"\x89PNG")


def test_a_run_that_is_deleted_while_it_is_shown_takes_nothing_else_along(
    server: Server, sweep: Path
) -> None:
    """The last test on this server: it deletes one run at once and one file by file, as TensorBoard reads them."""
    folder = sweep.parent / "shown"
    shutil.rmtree(folder / "1")
    for path in sorted((folder / "3").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "3").rmdir()
    server.wait_for(lambda: set(server.ask("/data/runs")) == {"0", "2"})
    assert server.points("0", "val/bpc") and server.process.poll() is None
    shutil.copytree(sweep / "1", folder / "4")
    server.wait_for(lambda: "4" in server.ask("/data/runs") and bool(server.points("4", "test/bpc")))


def test_the_picture_of_the_readme_can_be_taken(command: Callable, sweep: Path, tmp_path: Path) -> None:
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))):
        pytest.skip("no Chromium here, so no picture is taken")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    finished = command(
        "scripts/screenshot.py", sweep, tmp_path / "picture.png", "--port", port, "--size", "900,600"
    )
    assert finished.returncode == 0, finished.stderr
    picture = (tmp_path / "picture.png").read_bytes()
    assert (
        picture.startswith(b"\x89PNG") and picture != (REPOSITORY / "docs" / "tensorboard.png").read_bytes()
    )
    assert int.from_bytes(picture[16:20], "big") == 900
    assert len(picture) > 20_000, "an empty page"
