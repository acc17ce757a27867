"""Template of the sandboxes: tiny data of each format, and tiny runs trained on them."""

import gzip
import math
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fuzzing.process import Limits, Outcome, run_child, run_script
from fuzzing.sandbox import Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]

SHORT = (
    *("trainer.max_steps=2", "trainer.max_time=00:00:00:08", "trainer.val_check_interval=2"),
    *("trainer.limit_val_batches=1", "trainer.limit_test_batches=2", "trainer.accelerator=cpu"),
    *("data.batch_size=2", "data.eval_batch_size=4", "cell.hidden_size=4"),
)
"""Settings of every tiny run."""

TINY: dict[str, tuple[str, ...]] = {
    "textgen": (
        "data.path=text.txt",
        "data.chunk_length=8",
        "model.front.size=3",
        "callback.samples.length=5",
    ),
    "tagging": (
        *("data=conll", "data.path=tags.conll", "model.front.size=3", "model.front.characters.size=3"),
        "model.front.characters.hidden_size=3",
    ),
    "forecasting": (
        *(
            "data=csv",
            "data.path=series.csv",
            "data.time=time",
            "data.look_back=8",
            "data.horizon=3",
            "data.autoregression_order=3",
        ),
        *("task.paths=3", "task.backtest.origins=2", "callback.forecast_figures.count=1"),
    ),
}
"""Further settings of a tiny run, by its task."""


@dataclass(frozen=True)
class Template:
    """Files that the sandboxes are copied from.

    Attributes:
        root: of everything that the fuzz writes.
        sandbox: of the present case.
        config: the composed configuration of each task, in plain containers that are not resolved.
    """

    root: Path
    sandbox: Sandbox
    config: dict[str, Any]

    @property
    def files(self) -> Path:
        """The folder that has the content of a sandbox."""
        return self.root / "template"

    @property
    def kernels(self) -> Path:
        return self.root / "kernels"

    def run(self, action: Callable[[], None], limits: Limits) -> Outcome:
        """Perform an action in a child process, in the sandbox as it is."""
        writable = (f"{self.sandbox.root}/", f"{self.kernels}/")
        return run_child(action, self.root, self.sandbox.work, self.sandbox.environment, writable, limits)

    def in_child(self, action: Callable[[], None]) -> str:
        """Perform an action that must succeed in a child process; returns its output."""
        outcome = self.run(action, Limits(seconds=120))
        if outcome.code != 0:
            raise RuntimeError(f"exit code {outcome.code}: {outcome.stdout[-500:]}\n{outcome.stderr[-3000:]}")
        return outcome.stdout


def command(script: str, words: list[str]) -> Callable[[], None]:
    """The action that runs a script of this checkout."""
    return lambda: run_script(REPOSITORY / script, words)


def make_template(root: Path, with_runs: bool = True) -> Template:
    """Write the data and train the runs that the cases begin with.

    Args:
        root: a new folder of the fuzz's own.
        with_runs: whether runs are trained, which takes half a minute.
    """
    template = Template(root, Sandbox(root / "box"), {})
    template.kernels.mkdir(mode=0o700)
    (template.files / "work").mkdir(parents=True)
    write_data(template.files / "work")
    template.sandbox.make(template.files, ["work"], template.kernels)
    for task in TINY:
        text = template.in_child(command("train.py", [f"task={task}", *TINY[task], *SHORT, "--cfg", "job"]))
        template.config[task] = yaml.safe_load(text)
    if not with_runs:
        return template
    for task in TINY:
        words = [f"task={task}", *TINY[task], *SHORT, f"hydra.run.dir=runs/{task}"]
        template.in_child(command("train.py", words))
    sweep = ["-m", "task=textgen", *TINY["textgen"], *SHORT]
    template.in_child(command("train.py", [*sweep, "seed=1,2", "hydra.sweep.dir=multirun/grid"]))
    search = [*sweep, "sweep=optuna", "sweep.trials=2", "hydra.sweep.dir=multirun/search"]
    template.in_child(command("train.py", search))
    for name in ("runs", "multirun"):
        shutil.copytree(template.sandbox.work / name, template.files / "work" / name, symlinks=True)
    shutil.copytree(
        template.sandbox.root / "cache" / "throughtime",
        template.files / "cache" / "throughtime",
        ignore=lambda *_: ["kernels"],
    )
    return template


def write_data(folder: Path) -> None:
    """Write a tiny file of each format."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefg", k=rng.randint(1, 5))) for _ in range(30)]
    lines = [" ".join(rng.choices(words, k=6)) for _ in range(60)]
    (folder / "text.txt").write_text("\n".join(lines) + "\n")
    sentences = [rng.choices(words, k=rng.randint(2, 6)) for _ in range(40)]
    tags = [["B-X" if word < "c" else "I-X" if word < "d" else "O" for word in one] for one in sentences]
    pairs = [list(zip(*one, strict=True)) for one in zip(sentences, tags, strict=True)]
    (folder / "tags.conll").write_text("\n".join("".join(f"{w} {t}\n" for w, t in one) for one in pairs))
    rows = ["".join(_conllu_line(at, w, t) for at, (w, t) in enumerate(one, 1)) for one in pairs]
    (folder / "tags.conllu").write_text(
        "\n".join(f"# sent_id = {at}\n{one}" for at, one in enumerate(rows)) + "\n"
    )
    (folder / "words.in").write_text("".join(" ".join(one) + "\n" for one in sentences))
    (folder / "words.out").write_text("".join(" ".join(one) + "\n" for one in tags))
    (folder / "vectors.txt").write_text("".join(f"{word} {rng.random():.3f} -0.5 1\n" for word in words))
    (folder / "code").mkdir()
    for name in "abc":
        source = "".join(
            f"def {name}{at}(x):\n    return [x + {at} for _ in range({at})]\n\n" for at in range(12)
        )
        (folder / "code" / f"{name}.py").write_text(source)
    times = [f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00" for hour in range(240)]
    values = [round(10 + 3 * math.sin(hour / 3.8) + rng.random(), 3) for hour in range(240)]
    wide = "time,load,temperature\n" + "".join(
        f"{t},{v},{20 - v}\n" for t, v in zip(times, values, strict=True)
    )
    (folder / "series.csv").write_text(wide)
    (folder / "series.csv.gz").write_bytes(gzip.compress(wide.encode(), mtime=0))
    long = (f"{name},{t},{v}\n" for name in "pq" for t, v in zip(times, values, strict=True))
    (folder / "long.csv").write_text("name,time,value\n" + "".join(long))
    _write_parquet(folder / "series.parquet", times, values)


def _conllu_line(index: int, word: str, tag: str) -> str:
    upos = {"B-X": "NOUN", "I-X": "VERB", "O": "X"}[tag]
    return f"{index}\t{word}\t{word}\t{upos}\t_\tNumber=Sing\t0\troot\t_\tEntity={tag}\n"


def _write_parquet(path: Path, times: list[str], values: list[float]) -> None:
    """Write a table in a process of its own: Arrow starts threads, which a parent of forks must not have."""
    import os

    child = os.fork()
    if child == 0:
        import pandas

        pandas.DataFrame({"time": pandas.to_datetime(times), "load": values}).to_parquet(path)
        os._exit(0)
    os.waitpid(child, 0)
