"""What the summary says to type works when it is typed."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from throughtime.config.trust import VARIABLE
from throughtime.head.softmax import Softmax
from throughtime.optim.optimization import Optimization
from throughtime.run.folder import RunFolder
from throughtime.run.results import Results
from throughtime.run.summary import end_message
from throughtime.task.base import Task


class Writes(Task):
    """A task whose trained model is used by one command."""

    name, kind, monitor = "writes", "none", "val/loss"

    def next_commands(self, run: str) -> list[tuple[str, str]]:
        return [("generate", f"python scripts/generate.py {run}")]

    def summary_table(self) -> str:
        return "beside a baseline"


TASK = Writes(nn.Identity(), Softmax(2, 2), Optimization(torch.optim.SGD))
STEPS = {"max_steps": 20, "max_epochs": -1, "max_time": None}


def configured(trainer: dict[str, Any], *loggers: str) -> dict[str, Any]:
    """A configuration with these loggers; TensorBoard alone where none is named."""
    names = loggers or ("TensorBoardLogger",)
    logger = {name: {"_target_": f"lightning.pytorch.loggers.{name}"} for name in names}
    return {"trainer": trainer, "logger": logger}


def results(**values: object) -> Results:
    start = Results(
        "textgen", 1, [], "val/bpc", "min", steps=20, epochs=2, seconds=100.0, checkpoint="best.ckpt"
    )
    for name, value in ({"status": "completed"} | values).items():
        setattr(start, name, value)
    return start


def commands(text: str) -> dict[str, list[str]]:
    """The words of each command that a summary shows, by the program."""
    lines = [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(("generate", "look"))]
    lines += [line.removeprefix("go on").strip() for line in text.splitlines() if line.startswith("go on")]
    words = [shlex.split(line) for line in lines]
    return {word[1] if word[0] == "python" else word[0]: word for word in words}


def test_the_commands_shown_work_from_the_same_folder(command, trained, tmp_path: Path) -> None:
    shutil.copytree(trained.home / "runs", tmp_path / "runs")
    shown = commands(trained.stdout)
    assert shown["tensorboard"] == ["tensorboard", "--logdir", "runs"]
    written = command(*shown["scripts/generate.py"][1:], "--length", "20")
    assert (written.returncode, written.stderr) == (0, "") and len(written.stdout.strip()) > 10
    resumed = command(*shown["train.py"][1:])
    assert resumed.returncode == 0, resumed.stderr
    (run,) = (tmp_path / "runs" / "textgen").iterdir()
    assert json.loads((run / "results.json").read_text())["steps"] == 40


def test_the_best_metric_its_step_and_the_test_are_told(trained) -> None:
    content = json.loads((trained.run / "results.json").read_text())
    assert f"best val/bpc {content['best']:.4f} at step {content['best_step']}" in trained.stdout
    assert f"bpc {content['metrics']['test/bpc']:.4f}" in trained.stdout
    assert f"{content['parameters']:,} parameters" in trained.stdout
    assert "tokens/s" in trained.stdout and f"runs/textgen/{trained.run.name}" in trained.stdout
    assert max(map(len, trained.stdout.split("completed")[1].splitlines())) <= 120


@pytest.mark.parametrize(
    ("trainer", "more"),
    [
        (STEPS, "trainer.max_steps=40"),
        (STEPS | {"max_steps": 400}, "trainer.max_steps=800"),  # stopped early
        (STEPS | {"max_steps": 400, "max_epochs": 1}, "trainer.max_epochs=4"),
        (STEPS | {"max_steps": -1, "max_epochs": 50}, "trainer.max_epochs=100"),
        (STEPS | {"max_steps": -1, "max_epochs": 2}, "trainer.max_epochs=4"),
        (STEPS | {"max_steps": -1, "max_time": "00:00:01:40"}, "trainer.max_time=00:00:03:20"),
        (STEPS | {"max_steps": 1000, "max_time": "00:00:01:40"}, "trainer.max_time=00:00:03:20"),
    ],
)
def test_a_completed_run_goes_on_with_twice_of_what_ended_it(
    trainer: dict, more: str, tmp_path: Path
) -> None:
    assert (
        commands(end_message(results(), RunFolder(tmp_path), configured(trainer), TASK))["train.py"][-1]
        == more
    )


def test_an_interrupted_run_goes_on_as_it_is(tmp_path: Path) -> None:
    shown = commands(end_message(results(status="interrupted"), RunFolder(tmp_path), configured(STEPS), TASK))
    assert shown["train.py"] == ["python", "train.py", f"resume={tmp_path}"]


def test_a_folder_with_spaces_is_quoted(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "two words" / "run")
    shown = commands(end_message(results(), folder, configured(STEPS), TASK))
    assert shown["train.py"][2] == f"resume={folder.path}"
    assert shown["scripts/generate.py"][2] == str(folder.path)
    assert shown["tensorboard"][-1] == str(folder.path.parent)


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    shown = commands(end_message(results(checkpoint=None), RunFolder(tmp_path), configured(STEPS), TASK))
    assert set(shown) == {"tensorboard"}


def test_the_speed_is_told_in_the_unit_of_the_data(tmp_path: Path) -> None:
    shown = end_message(results(speed=1234.0, unit="points"), RunFolder(tmp_path), configured(STEPS), TASK)
    assert "completed after 20 steps, 1:40 min, 1,234 points/s" in shown


def test_the_commands_that_show_a_run_are_those_of_its_loggers(tmp_path: Path) -> None:
    config = configured(STEPS, "CSVLogger", "MLFlowLogger")
    shown = end_message(results(), RunFolder(tmp_path), config, TASK)
    assert f"look         mlflow ui --backend-store-uri sqlite:///{tmp_path}/mlflow.db" in shown
    assert "tensorboard" not in shown


def test_the_task_adds_its_table_and_its_commands(tmp_path: Path) -> None:
    shown = end_message(results(), RunFolder(tmp_path), configured(STEPS), TASK).splitlines()
    assert "beside a baseline" in shown
    assert f"generate     python scripts/generate.py {tmp_path}" in shown


def test_commands_of_a_run_of_trusted_code_have_the_word(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "my_cells")
    shown = commands(end_message(results(), RunFolder(tmp_path), configured(STEPS), TASK))
    assert shown["train.py"][-1] == "trust=my_cells"
    assert shown["scripts/generate.py"][-2:] == ["--trust", "my_cells"]
    assert "my_cells" not in str(shown["tensorboard"])
