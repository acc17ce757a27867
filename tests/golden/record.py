"""Loss curves of short default runs, recorded and compared: `python tests/golden/record.py` writes them anew.

A curve is exact only on the processor, library versions and thread count that it was recorded with, because vector
widths change the order of sums. `signature` names all of these.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

Curves = dict[str, list[tuple[int, float]]]
"""(step, value) of each loss curve, by its name."""

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent
LOGGED = ("trainer.log_every_n_steps=1", "trainer.accelerator=cpu", "seed=1")
RUNS = {
    "textgen": ("task=textgen", "trainer.max_steps=40", "trainer.val_check_interval=20", *LOGGED),
    "tagging": ("task=tagging", "trainer.max_steps=12", "trainer.val_check_interval=6", *LOGGED),
    "forecasting": (
        "task=forecasting",
        "data.split=[0.7,0.1,0.2]",
        "data.look_back=336",
        "data.calendar=[time_of_week]",
        "cell.hidden_size=128",
        "model.size=128",
        "model.segment_length=48",
        "model.linear=false",
        "model.layers.dropout=0.3",
        "optim.optimizer.lr=0.001",
        "callback.early_stopping=null",
        "trainer.max_steps=40",
        "trainer.val_check_interval=20",
        *LOGGED,
    ),
    "textgen_default": ("task=textgen",),
}
"""The runs by the names of their files; the last is the main job, whole."""

THREADS = {"textgen": 1, "tagging": 1, "forecasting": 1, "textgen_default": 2}


def signature() -> dict[str, Any]:
    """All that the last bits of a loss depend on beside the code."""
    import torch

    compiler = subprocess.run(
        [os.environ.get("CC", "cc"), "-dumpfullversion"], capture_output=True, text=True, check=False
    )
    return {
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "compiler": compiler.stdout.strip(),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def curves(folder: Path) -> Curves:
    """The loss curves of a run's folder as (step, value), by their names; TensorBoard keeps single precision."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    names = [name for name in events.Tags()["scalars"] if name.endswith("/loss")]
    return {name: [(one.step, one.value) for one in events.Scalars(name)] for name in sorted(names)}


def load(name: str) -> dict[str, Any]:
    """The recorded file of a run."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def run(name: str, folder: Path) -> Curves:
    """Train a run in a process of its own, as a user would, and return its loss curves."""
    subprocess.run(
        [sys.executable, str(REPOSITORY / "train.py"), *RUNS[name], f"hydra.run.dir={folder / 'run'}"],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": str(THREADS[name]), "MKL_NUM_THREADS": str(THREADS[name])},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return curves(folder / "run")


def main() -> None:
    """Train all runs and write their files."""
    for name, overrides in RUNS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = run(name, Path(folder))
        content = {
            "command": f"python train.py {' '.join(overrides)}",
            "threads": THREADS[name],
            "signature": signature(),
            "curves": found,
        }
        text = json.dumps(content).replace('"curves"', '\n"curves"').replace(']], "', ']],\n"')
        (FOLDER / f"{name}.json").write_text(text + "\n")
        print(name, {curve: len(points) for curve, points in found.items()}, flush=True)


if __name__ == "__main__":
    main()
