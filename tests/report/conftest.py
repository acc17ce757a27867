"""Records made by hand, and runs as they lie in folders."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from throughtime.report.record import Record

CELLS = {
    "lstm": {"cell._target_": "throughtime.cell.LSTM", "cell.forget_bias": 1.0, "cell.hidden_size": 256},
    "gru": {"cell._target_": "throughtime.cell.GRU", "cell.reset": "after", "cell.hidden_size": 256},
    "elman": {"cell._target_": "throughtime.cell.Elman", "cell.hidden_size": 256},
}


def make_record(cell: str = "lstm", seed: int = 1, best: float | None = 1.5, **fields: Any) -> Record:
    """A run of textgen with a cell; `set` are further dotted keys as if they had been typed."""
    typed = fields.pop("set", {})
    config = {"seed": seed, "data.seed": seed, "resume": None, **CELLS[cell], "optim.lr": 0.01} | typed
    overrides = [f"cell={cell}", f"seed={seed}", *(f"{key}={value}" for key, value in typed.items())]
    values = {
        "path": Path(f"runs/{cell}-{seed}-{'-'.join(map(str, typed.values()))}"),
        "status": "completed",
        "task": "textgen",
        "monitor": "val/bpc",
        "mode": "min",
        "choices": {"task": "textgen", "cell": cell},
        "metrics": {} if best is None else {"val/bpc": best + 0.1, "test/bpc": best - 0.1},
        "parameters": 1000,
        "seconds": 10.0,
    }
    return Record(**values | fields | {"seed": seed, "config": config, "overrides": overrides, "best": best})


@pytest.fixture
def record() -> Callable[..., Record]:
    return make_record


def write_run(folder: Path, seed: int = 1, best: float | None = 1.5, **results: Any) -> Path:
    """The files that a run leaves."""
    (folder / "checkpoints").mkdir(parents=True)
    config = {"seed": seed, "cell": {"_target_": "throughtime.cell.LSTM", "hidden_size": 8}}
    config |= {"task": {}, "data": {}, "trainer": {}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    content = {
        "task": "textgen",
        "seed": seed,
        "overrides": [],
        "monitor": "val/bpc",
        "mode": "min",
        "status": "completed",
        "best": best,
        "metrics": {} if best is None else {"val/bpc": best},
        "parameters": 10,
        "steps": 5,
        "seconds": 1.0,
    }
    (folder / "results.json").write_text(json.dumps(content | results))
    return folder


@pytest.fixture
def run() -> Callable[..., Path]:
    return write_run


@pytest.fixture(scope="session")
def swept(command_in: Callable, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of four real runs, two cells by two seeds; only to be read."""
    home = tmp_path_factory.mktemp("swept")
    for number, (cell, seed) in enumerate(product(("elman", "gru"), (1, 2))):
        place = f"hydra.run.dir={home}/sweep/{number}"
        finished = command_in(home)("train.py", *small, f"cell={cell}", f"seed={seed}", place)
        assert finished.returncode == 0, finished.stderr
    return home / "sweep"
