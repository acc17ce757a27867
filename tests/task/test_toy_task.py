"""A task of a user's own works through every command with no file of the package touched.

The toy task tells how many ones were in a sequence. All of it is in this file, which the commands import under the
name `toy`, and in the YAML files that a fixture writes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from throughtime.data.base import DataModule
from throughtime.data.batch import Batch, Chunk
from throughtime.data.position import Position
from throughtime.errors import UserError
from throughtime.head.base import Head, masked_mean
from throughtime.task.base import Task

REPOSITORY = Path(__file__).resolve().parents[2]


class BitLoader:
    """Sequences of bits in batches, cut into chunks; a count is a target in the chunk with its sequence's last step."""

    def __init__(self, sequences: list[list[int]], batch_size: int, chunk_length: int) -> None:
        self.chunk_length = chunk_length
        self.groups = [sequences[at : at + batch_size] for at in range(0, len(sequences), batch_size)]
        self.places = [
            (number, start)
            for number, group in enumerate(self.groups)
            for start in range(0, max(map(len, group)), chunk_length)
        ]
        self.position = Position()

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Batch]:
        self.position.begin(len(self))
        while self.position.batch < len(self):
            number, start = self.places[self.position.batch]
            self.position.advance()
            yield self.batch(self.groups[number], start)

    def batch(self, group: list[list[int]], start: int) -> Batch:
        """One chunk of a group of sequences."""
        stop = min(start + self.chunk_length, max(map(len, group)))
        steps = [[bits[step] if step < len(bits) else 0 for bits in group] for step in range(start, stop)]
        lengths = torch.tensor([len(bits) for bits in group])
        chunk = Chunk(torch.tensor(steps), (lengths - start).clamp(0, stop - start), fresh=start == 0)
        counts = torch.tensor([float(sum(bits)) for bits in group])
        return Batch(chunk, counts, mask=(lengths > start) & (lengths <= stop), lane_axis=0)

    def state_dict(self) -> dict[str, Any]:
        return self.position.state_dict(len(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position.load_state_dict(state, len(self))


class BitFile(DataModule):
    """Sequences of 0 and 1, one a line; each fifth one is validated on, and each fifth one tested on."""

    kind = "bits"
    unit = "sequences"

    def __init__(self, path: str, batch_size: int = 8, chunk_length: int = 4) -> None:
        super().__init__()
        self.path = path
        self.batch_size = batch_size
        self.chunk_length = chunk_length
        self.splits: dict[str, list[list[int]]] = {}
        self.train: BitLoader | None = None

    def paths(self) -> dict[str, str | None]:
        return {"data.path": self.path}

    def restore(self, artifacts: dict[str, Any]) -> None:
        """Nothing was fitted."""

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        lines = read_bits(Path(self.path))
        self.splits = {"val": lines[3::5], "test": lines[4::5]}
        self.splits["train"] = [line for place, line in enumerate(lines) if place % 5 < 3]
        self.train = BitLoader(self.splits["train"], self.batch_size, self.chunk_length)

    def artifacts(self) -> dict[str, Any]:
        return {"input_sizes": {"vocabulary_size": 2}, "output_sizes": {}}

    def loader(self, split: str) -> BitLoader:
        if split == "train":
            return self.train
        return BitLoader(self.splits[split], self.batch_size, self.chunk_length)

    def describe(self) -> str:
        return f"bits of {self.path}"

    def fingerprint(self) -> dict[str, Any]:
        return {"lines": sum(map(len, self.splits.values()))}

    @property
    def sizes(self) -> dict[str, int]:
        return {split: len(sequences) for split, sequences in self.splits.items()}


def read_bits(path: Path) -> list[list[int]]:
    """The sequences of a file."""
    lines = path.read_text().split()
    for number, line in enumerate(lines, 1):
        if set(line) - {"0", "1"}:
            raise UserError(f"{path}:{number}: a line holds 0 and 1 only")
    return [[int(bit) for bit in line] for line in lines]


class CountHead(Head):
    """ŷ = w·h + b, trained by the squared error of the count."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.map = nn.Linear(input_size, 1)

    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
        return masked_mean((self.predict(outputs) - targets).square(), mask)

    def predict(self, outputs: Tensor) -> Tensor:
        return self.map(outputs)[..., 0]


class Counting(Task):
    """The number of ones in a sequence, measured by the mean absolute error."""

    name = "count"
    kind = "bits"
    monitor = "val/mae"

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Any,
        artifacts: dict[str, Any],
        horizon: int | None = None,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        self.errors = {"val": [0.0, 0], "test": [0.0, 0]}

    def update_metrics(self, stage: str, batch: Batch, features: Tensor) -> None:
        errors = (self.head.predict(features) - batch.targets).abs()[batch.target_mask()]
        total, count = self.errors[stage]
        self.errors[stage] = [total + float(errors.sum()), count + len(errors)]

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        (total, count), self.errors[stage] = self.errors[stage], [0.0, 0]
        return {"mae": total / count}

    def summary_table(self) -> str:
        return "counts of ones"

    @classmethod
    def add_predict_options(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("input", type=Path, help="a sequence of 0 and 1 a line")

    def predict(self, options: argparse.Namespace, config: Mapping[str, Any]) -> None:
        for bits in read_bits(options.input):
            with torch.inference_mode():
                features, _ = self.model(torch.tensor(bits)[:, None], self.model.initial_state(1))
                print(f"{''.join(map(str, bits))} {float(self.head.predict(features[-1])):.3f}")


YAMLS = {
    "task/count.yaml": """# @package _global_
defaults:
  - override /data: bits
  - override /tokenizer: null
  - override /cell: gru
  - override /model: stack
  - override /head: count
task:
  _target_: toy.Counting
  horizon: null
cell:
  hidden_size: 8
model:
  front:
    size: 3
""",
    "data/bits.yaml": "_target_: toy.BitFile\npath: ???\nbatch_size: 8\nchunk_length: 4\n",
    "head/count.yaml": "_target_: toy.CountHead\n_partial_: true\n",
}
STEPS = 40


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user's: the code, its configuration, and a file of bits."""
    home = tmp_path_factory.mktemp("toy")
    shutil.copy(__file__, home / "toy.py")
    for name, content in YAMLS.items():
        path = home / "recipes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 12, (60,), generator=generator).tolist()
    lines = ("".join(map(str, torch.randint(2, (n,), generator=generator).tolist())) for n in lengths)
    (home / "bits.txt").write_text("\n".join(lines) + "\n")
    return home


@pytest.fixture(scope="module")
def toy(home: Path, command_in) -> Any:
    """Run a command in the user's folder."""
    return command_in(home)


@pytest.fixture(scope="module")
def words() -> tuple[str, ...]:
    """The words of a short run."""
    settings = (
        f"trainer.max_steps={STEPS}",
        "trainer.val_check_interval=10",
        "trainer.accelerator=cpu",
        "optim/schedule=constant",
        "optim.optimizer.lr=0.02",
        "engine=reference",
        "logger=none",
    )
    return ("--config-dir", "recipes", "trust=toy", "task=count", "data.path=bits.txt", *settings)


@pytest.fixture(scope="module")
def trained(toy, words, home: Path) -> tuple[Path, str]:
    """The folder of a run, and what it printed."""
    finished = toy("train.py", *words, "hydra.run.dir=runs/count/whole")
    assert finished.returncode == 0, finished.stderr
    return home / "runs" / "count" / "whole", finished.stdout


def results(run: Path) -> dict[str, Any]:
    return json.loads((run / "results.json").read_text())


def test_it_trains_validates_and_is_summarised(trained) -> None:
    run, printed = trained
    found = results(run)
    assert (found["task"], found["status"], found["steps"]) == ("count", "completed", STEPS)
    assert found["monitor"] == "val/mae" and 0 < found["metrics"]["test/mae"] < 3
    assert "counts of ones" in printed and "python scripts/predict.py runs/count/whole FILE" in printed
    assert "generate" not in printed


def test_it_goes_on_exactly_where_it_stopped(trained, toy, words, home: Path) -> None:
    """Stopped in the midst of an epoch, and of the chunks of a batch."""
    half = toy("train.py", *words, "trainer.max_steps=17", "hydra.run.dir=runs/count/half")
    assert half.returncode == 0, half.stderr
    resumed = toy("train.py", "resume=runs/count/half", "trust=toy", f"trainer.max_steps={STEPS}")
    assert resumed.returncode == 0, resumed.stderr
    ends = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in (trained[0], home / "runs" / "count" / "half")
    ]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_it_is_evaluated_from_the_checkpoint(trained, toy) -> None:
    finished = toy("scripts/evaluate.py", "runs/count/whole", "--trust", "toy", "--json")
    assert finished.returncode == 0, finished.stderr
    expected = {name: value for name, value in results(trained[0])["metrics"].items() if name[:5] == "test/"}
    assert json.loads(finished.stdout) == pytest.approx(expected)


def test_it_predicts_with_options_of_its_own(trained, home: Path) -> None:
    """The word of trust may come from the environment."""
    (home / "new.txt").write_text("0\n1101\n")
    finished = subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts" / "predict.py"), "runs/count/whole", "new.txt"],
        cwd=home,
        env=os.environ | {"THROUGHTIME_TRUST": "toy"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    lines = [line.split() for line in finished.stdout.splitlines()]
    assert [line[0] for line in lines] == ["0", "1101"]
    assert float(lines[0][1]) < float(lines[1][1])


def test_it_writes_no_samples(trained, toy) -> None:
    finished = toy("scripts/generate.py", "runs/count/whole", "--trust", "toy")
    assert finished.returncode == 2
    assert finished.stderr == "error: task=count writes no samples; scripts/predict.py predicts from a file\n"


def test_without_the_word_its_code_is_not_run(trained, toy, words) -> None:
    """Neither from the command line nor from a checkpoint; the error says which word is needed."""
    untrusted = [word for word in words if word != "trust=toy"]
    for refused in (toy("train.py", *untrusted), toy("scripts/evaluate.py", "runs/count/whole")):
        assert refused.returncode == 2
        assert "trust=toy" in refused.stderr and refused.stderr.count("\n") == 1


def test_it_is_swept_and_reported(trained, toy, words, home: Path) -> None:
    swept = toy(
        "train.py", "-m", *words, "cell=elman,gru", "trainer.max_steps=10", "hydra.sweep.dir=multirun/s"
    )
    assert swept.returncode == 0, swept.stderr
    jobs = [results(home / "multirun" / "s" / job) for job in ("0", "1")]
    assert [job["status"] for job in jobs] == ["completed"] * 2
    reported = toy("scripts/report.py", "runs", "multirun", "--format", "csv")
    assert reported.returncode == 0, reported.stderr
    assert "val/mae" in reported.stdout and "elman" in reported.stdout


def test_data_of_another_kind_are_refused_with_those_that_fit(toy, words) -> None:
    refused = toy("train.py", *words[:4], "data=sunspots", "trainer.max_steps=1")
    assert refused.returncode == 2
    assert "task=count cannot be trained on data=sunspots; data that fit: bits" in refused.stderr
