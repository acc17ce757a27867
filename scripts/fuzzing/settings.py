"""Cases of settings: tiny runs with random choices of parts, random values of keys, and options of the scripts."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fuzzing.case import Case, shown
from fuzzing.template import REPOSITORY, SHORT, TINY, Template, command
from fuzzing.values import hostile, near

GROUPS = (
    "cell",
    "engine",
    "model",
    "head",
    "decode",
    "optim",
    "callback",
    "trainer",
    "logger",
    "tokenizer",
    "data",
)
OTHER_GROUPS = ("task", "experiment", "sweep", "debug", "optim/schedule")

FITTING: dict[str, dict[str, tuple[str, ...]]] = {
    "textgen": {
        "tokenizer": ("characters", "words", "bytes"),
        "data": ("characters", "text", "lines"),
        "decode": ("sampling", "greedy", "beam"),
    },
    "tagging": {"head": ("softmax", "crf"), "model": ("tagger", "tagger_convolution")},
    "forecasting": {
        "head": ("quantile", "gaussian", "mse", "mae", "huber", "student_t"),
        "model": ("segments", "direct", "encoder_decoder", "recursive"),
    },
}
"""Choices that fit a task."""

FITTING_ALL = {"optim": ("adamw", "sgd"), "logger": ("tensorboard", "csv", "none")}

HYDRA = (
    *("hydra.verbose=true", "hydra.job.chdir=true", "hydra.output_subdir=.hydra", "hydra/job_logging=none"),
    *("hydra/job_logging=default", "hydra.job.name=a/b", "hydra.job.env_set.X=1", "hydra.mode=MULTIRUN"),
    *(
        "hydra/launcher=basic",
        "hydra/launcher=nope",
        "hydra/sweeper=nope",
        "hydra=null",
        "~hydra",
        "hydra.run=5",
    ),
    *(
        "hydra.run.dir=null",
        "hydra.run.dir=''",
        "hydra.run.dir=文",
        "hydra.run.dir='a b'",
        "hydra.run.dir=a/b/c",
    ),
    *("hydra.sweep.dir=5", "hydra.callbacks.x._target_=os.system", "hydra.searchpath=[file://nothing]"),
    *(
        "--config-dir=nothing",
        "--config-name=nothing",
        "--package=x",
        "--resolve",
        "--info",
        "--nothing",
        "-x",
    ),
    *("--config-path=nothing", "--multirun", "-m", "--cfg", "--help", "--hydra-help", "--version", "--run"),
    *(
        "resume=nothing",
        "rerun=nothing",
        "resume=.",
        "rerun=[1]",
        "resume={a:1}",
        "init_from=text.txt",
        "init_from=1",
    ),
    *(
        "trust=nothing",
        "trust=os",
        "trust=../outside",
        "seed=-1",
        "seed=1.5",
        "seed=a",
        "seed=true",
        "seed=null",
    ),
)
"""Words about how a command runs, and others beside the parts of an experiment."""

NEW_KEYS = (
    "nothing",
    "cell.nothing",
    "data.nothing.a",
    "trainer.callbacks",
    "model.layers.cell",
    "optim.optimizer.x",
)

TARGETS = (
    *(
        "throughtime.cell.LSTM",
        "throughtime.head.Softmax",
        "throughtime.engine.Fused",
        "torch.optim.AdamW",
        "os.system",
    ),
    *(
        "throughtime.data.text.TextData",
        "lightning.pytorch.Trainer",
        "throughtime.callback.Progress",
        "str",
        "''",
    ),
    *(
        "throughtime.task.textgen.TextGeneration",
        "throughtime.tokenizer.Words",
        "builtins.eval",
        "5",
        "null",
        "[a]",
    ),
)


def settings_case(template: Template, rng: random.Random) -> Case:
    """A tiny run with random settings."""
    task = rng.choice(list(TINY))
    choices = _choices(task, rng)
    words = [f"task={task}", *choices, *TINY[task], *SHORT]
    words += _values(task, choices, template.config[task], rng)
    if rng.random() < 0.1:
        words.insert(rng.randrange(len(words) + 1), rng.choice(HYDRA))
    new = ("work",) if any("hydra" in word or word.startswith("-") for word in words) else ("work/runs",)
    return Case(
        kind="settings",
        title=shown("train.py", words),
        action=command("train.py", words),
        parts=("work",) if rng.random() < 0.02 else data_parts(template.files),
        new=new,
        codes=frozenset({0, 1, 2}) if {"-m", "--multirun"} & {*words} else frozenset({0, 2}),
        traceback=any("debug=trace" in word for word in words),
    )


def data_parts(files: Path) -> tuple[str, ...]:
    return tuple(
        f"work/{path.name}" for path in (files / "work").iterdir() if path.name not in ("runs", "multirun")
    )


def _choices(task: str, rng: random.Random) -> list[str]:
    """Choices of parts: mostly such as fit, sometimes any."""
    found = []
    fitting = FITTING_ALL | FITTING[task]
    for group in rng.sample(GROUPS, rng.choice((0, 1, 2, 3))):
        options = _options(group)
        if rng.random() < 0.06:
            found.append(
                rng.choice((f"{group}=nothing", f"~{group}", f"{group}=null", f"{group}=[{options[0]}]"))
            )
        elif group in fitting and rng.random() < 0.8:
            found.append(f"{group}={rng.choice(fitting[group])}")
        elif group in ("cell", "engine") or rng.random() < 0.2:
            found.append(f"{group}={rng.choice(options)}")
    if rng.random() < 0.1:
        group = rng.choice(OTHER_GROUPS)
        found.append(f"{group}={rng.choice([*_options(group), 'nothing', 'null'])}")
    return found


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (REPOSITORY / "conf" / group).glob("*.yaml"))


def _values(task: str, choices: list[str], config: Any, rng: random.Random) -> list[str]:
    """Values of keys of the composed configuration, and of the parts that were chosen."""
    keys = dict(_keys(config, ""))
    for choice in choices:
        group, _, option = choice.partition("=")
        path = REPOSITORY / "conf" / group / f"{option}.yaml"
        if path.is_file():
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            keys |= _keys(content.get(group, content), group)
    names, found = sorted(keys), []
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2))):
        key = rng.choice(names)
        way = rng.random()
        if way < 0.5:
            found.append(f"{key}={near(keys[key], rng)}")
        elif way < 0.85:
            found.append(f"{rng.choice(('', '', '', '+', '++'))}{key}={hostile(key, rng)}")
        elif way < 0.9:
            found.append(f"~{key}")
        elif way < 0.95:
            found.append(f"{rng.choice(('', '+', '++'))}{rng.choice(NEW_KEYS)}={hostile('', rng)}")
        else:
            parts = [name for name in names if isinstance(keys[name], dict)]
            found.append(f"++{rng.choice(parts)}._target_={rng.choice(TARGETS)}")
    return found


def _keys(config: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """All keys of a configuration with their values, its parts among them."""
    for name, value in config.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        if name not in ("defaults", "hydra"):
            yield key, value
            if isinstance(value, dict):
                yield from _keys(value, key)


OPTIONS: dict[str, tuple[str, ...]] = {
    "evaluate": ("--path", "--weights", "--json", "--trust"),
    "export": ("--format", "--output", "--weights"),
    "generate": (
        *("--prompt", "--length", "--temperature", "--top-k", "--top-p", "--beam", "--samples", "--seed"),
        *("--interactive", "--weights"),
    ),
    "predict": (
        *(
            "--output",
            "--probabilities",
            "--format",
            "--encoding",
            "--horizon",
            "--future",
            "--plot",
            "--weights",
        ),
    ),
    "report": (
        *(
            "--where",
            "--runs",
            "--by",
            "--sort",
            "--reverse",
            "--metrics",
            "--format",
            "--output",
            "--figure",
        ),
    ),
}
"""Options of the scripts."""

EXPORTED = (*("safetensors",) * 4, "onnx")
"""Formats of an export; ONNX takes seconds."""

FLAGS = ("--json", "--interactive", "--probabilities", "--plot", "--runs", "--reverse")
RIGHT = {
    "--weights": ("raw",),
    "--format": ("safetensors", "terminal", "csv", "markdown", "json", "conll", "conllu"),
    "--temperature": ("0", "0.5", "2"),
    "--top-k": ("1", "3"),
    "--top-p": ("0.5", "1"),
    "--beam": ("1", "3"),
    "--length": ("0", "1", "20"),
    "--samples": ("1", "3"),
    "--seed": ("1",),
    "--prompt": ("a", "ab cd", ""),
    "--horizon": ("1", "2", "9"),
    "--output": ("made",),
    "--figure": ("made.png",),
    "--encoding": ("utf-8", "cp1252"),
    "--where": ("seed=1", "val/loss<9", "status!=failed", "cell=lstm"),
    "--by": ("seed", "cell"),
    "--sort": ("seed", "test/loss"),
    "--metrics": ("val/loss", "nothing"),
    "--path": ("text.txt", "tags.conll", "series.csv"),
    "--future": ("series.csv",),
}
"""Values of options that are right for some command."""

INPUTS = {"tagging": "tags.conll", "forecasting": "series.csv", "textgen": "text.txt"}


def options_case(template: Template, rng: random.Random) -> Case:
    """A script with random options on a whole run."""
    task = rng.choice(list(TINY))
    name = rng.choice(list(OPTIONS))
    if name in ("generate", "predict") and rng.random() < 0.8:
        task = "textgen" if name == "generate" else rng.choice(("tagging", "forecasting"))
    run = (
        f"runs/{task}"
        if rng.random() < 0.8
        else rng.choice(("runs", ".", f"runs/{task}/checkpoints/last.ckpt", "nothing"))
    )
    words = ["runs" if name == "report" else run]
    if name == "predict":
        words.append(INPUTS[task] if rng.random() < 0.8 else rng.choice(list(INPUTS.values())))
    for option in rng.sample(OPTIONS[name], rng.choice((0, 1, 1, 2, 3))):
        words.append(option)
        if option not in FLAGS:
            right = RIGHT.get(option, ("1",))
            words.append(rng.choice(right) if rng.random() < 0.6 else hostile(option.replace("--", "."), rng))
    if name == "export" and "--format" not in words:
        words += ["--format", rng.choice(EXPORTED)]
    asked = any(word in ("--output", "--figure", "--plot", "--future") for word in words)
    run_folder = f"work/runs/{task}"
    return Case(
        kind="options",
        title=shown(f"scripts/{name}.py", words),
        action=command(f"scripts/{name}.py", words),
        parts=(*data_parts(template.files), run_folder),
        # A path of the user's own may be anywhere, and a file there is then replaced.
        new=("work", "") if asked else (run_folder,),
        changed=("work", "outside", "home") if asked else (),
    )
