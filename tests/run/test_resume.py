"""A run that was killed and resumed ends where the run that was never killed ends, to the last bit.

Each case kills its run at ten random steps, one after another, and resumes it each time from what the disk holds;
weights, optimiser, schedule, random numbers, data position, carried state and the best metric must all survive.
"""

import json
import random
import signal
from pathlib import Path

import pytest
import torch

STEPS = 60
SMALL = (
    "task=textgen",
    "cell.hidden_size=8",
    "model.front.size=5",
    "model.layers.dropout=0.2",
    "data.split=[0.8,0.1,0.1]",
    "data.batch_size=220",
    "data.chunk_length=16",
    "data.random_offset=true",
    "callback.samples.length=5",
    "callback.checkpoint.every_n_steps=4",
    f"trainer.max_steps={STEPS}",
    "trainer.val_check_interval=10",
)
CASES = {
    "elman": ("cell=elman",),
    "gru, chunk = horizon, one mask a sequence, averages": (
        "cell=gru",
        "task.horizon=16",
        "model.layers.variational=true",
        "callback.ema.decay=0.9",
        "callback.average.count=3",
    ),
    "lstm, chunk < horizon, plateau": (
        "cell=lstm",
        "task.horizon=25",
        "optim/schedule=plateau",
        "optim.schedule.patience=0",
    ),
    "lstm, two layers, two chunks a step": (
        "cell=lstm",
        "model.layers.depth=2",
        "trainer.accumulate_grad_batches=2",
    ),
}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefgh", k=generator.randint(1, 7))) for _ in range(50)]
    path.write_text(" ".join(generator.choices(words, k=20_000)))
    return path


def final(run: Path) -> dict:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def outcome(run: Path) -> dict:
    """What results.json says, without what depends on the clock."""
    results = json.loads((run / "results.json").read_text())
    metrics = {
        name: value
        for name, value in results["metrics"].items()
        if name.startswith(("val/", "test/", "optim/"))
    }
    return {name: results[name] for name in ("best", "best_step", "steps", "epochs", "status")} | metrics


def assert_same(first: dict, second: dict) -> None:
    """Two nested containers hold the same values, tensors to the last bit."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for name in first:
            assert_same(first[name], second[name])
    elif isinstance(first, list | tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        assert first == second


def assert_same_run(first: Path, second: Path) -> None:
    """Two runs have ended in the same place, to the last bit."""
    expected, resumed = final(first), final(second)
    for part in (
        "state_dict",
        "optimizer_states",
        "lr_schedulers",
        "carried",
        "random",
        "global_step",
        "epoch",
        "targets_seen",
        "recent",
        "averages",
    ):
        assert_same(expected.get(part), resumed.get(part))
    assert outcome(first) == outcome(second)


# Run by name: the others hold what they do, and more.
LONGER = ("elman", "lstm, two layers, two chunks a step")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case in LONGER else ()) for case in CASES]
)
def test_killed_ten_times_equals_never_killed(case: str, command, tmp_path: Path, text: Path) -> None:
    arguments = (*SMALL, f"data.path={text}", *CASES[case])
    assert command("train.py", *arguments, f"hydra.run.dir={tmp_path}/whole").returncode == 0
    kills = sorted(random.Random(case).sample(range(5, STEPS), 10))
    killed = tmp_path / "killed"
    start: tuple[str, ...] = (*arguments, f"hydra.run.dir={killed}")
    for step in kills:
        finished = command("train.py", *start, signal_at_step=(signal.SIGKILL, step))
        assert finished.returncode == -signal.SIGKILL, finished.stderr
        start = (f"resume={killed}",)
    finished = command("train.py", *start)
    assert finished.returncode == 0, finished.stderr
    assert_same_run(tmp_path / "whole", killed)


ENGINES = {
    "reference": ("cell=gru", "engine=reference"),
    "torch": ("cell=lstm", "engine=torch"),
    "bptt": ("cell=zoneout", "engine=bptt"),
    "bptt in segments": ("cell=gru", "engine=bptt", "engine.recompute=true"),
    "fused": ("cell=layernorm_lstm", "engine=fused"),
    "fused in segments": ("cell=lstm", "engine=fused", "engine.recompute=true", "task.horizon=25"),
    "scan": ("cell=mingru", "engine=scan"),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_resumes_exactly(engine: str, command, tmp_path: Path, text: Path) -> None:
    settings = [setting for setting in SMALL if not setting.startswith("engine=")]
    small = (*settings, f"data.path={text}", "trainer.max_steps=12", "callback.checkpoint.every_n_steps=3")
    arguments = (*small, *ENGINES[engine])
    assert command("train.py", *arguments, f"hydra.run.dir={tmp_path}/whole").returncode == 0
    killed = tmp_path / "killed"
    finished = command("train.py", *arguments, f"hydra.run.dir={killed}", signal_at_step=(signal.SIGKILL, 7))
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    finished = command("train.py", f"resume={killed}")
    assert finished.returncode == 0, finished.stderr
    assert_same_run(tmp_path / "whole", killed)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_first_and_resume_goes_on_from_that_very_step(
    number: int, code: int, command, tmp_path: Path, text: Path
) -> None:
    arguments = (*SMALL, f"data.path={text}", "callback.checkpoint.every_n_steps=1000")
    assert command("train.py", *arguments, f"hydra.run.dir={tmp_path}/whole").returncode == 0
    stopped = tmp_path / "stopped"
    finished = command("train.py", *arguments, f"hydra.run.dir={stopped}", signal_at_step=(number, 27))
    assert finished.returncode == code, finished.stderr
    assert f"resume={stopped.relative_to(tmp_path)}" in finished.stdout
    results = json.loads((stopped / "results.json").read_text())
    assert (results["status"], results["steps"]) == ("interrupted", 28)
    assert final(stopped)["global_step"] == 28
    assert command("train.py", f"resume={stopped}").returncode == 0
    assert_same(final(tmp_path / "whole")["state_dict"], final(stopped)["state_dict"])


def test_a_classifier_of_chunks_that_was_killed_equals_one_never_killed(command, tmp_path: Path) -> None:
    """Carried state of layers and pooling, augmentation and the position within a sequence survive."""
    arguments = (
        "task=classification",
        "cell.hidden_size=4",
        "pooling=attention",
        "data.source.read=pixels",
        "data.chunk_length=24",
        "data.batch_size=64",
        "data.augmentation.pixels=1",
        "task.horizon=40",
        "callback.checkpoint.every_n_steps=2",
        "~callback.class_figures",
        "trainer.max_steps=20",
        "trainer.val_check_interval=10",
    )
    assert command("train.py", *arguments, f"hydra.run.dir={tmp_path}/whole").returncode == 0
    killed = tmp_path / "killed"
    start: tuple[str, ...] = (*arguments, f"hydra.run.dir={killed}")
    for step in (5, 13):
        finished = command("train.py", *start, signal_at_step=(signal.SIGKILL, step))
        assert finished.returncode == -signal.SIGKILL, finished.stderr
        start = (f"resume={killed}",)
    finished = command("train.py", *start)
    assert finished.returncode == 0, finished.stderr
    assert_same_run(tmp_path / "whole", killed)
