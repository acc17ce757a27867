"""Cases of damaged files: data of each format, files of runs and sweeps, and the cache of encoded text."""

import random
from collections.abc import Callable
from pathlib import Path

from fuzzing.case import Case, shown
from fuzzing.damage import damage_bytes, damage_checkpoint, damage_json, damage_yaml
from fuzzing.settings import EXPORTED, INPUTS, data_parts
from fuzzing.template import SHORT, TINY, Template, command

DATA: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("text.txt", "textgen", ()),
    ("text.txt", "textgen", ("data=lines",)),
    ("text.txt", "textgen", ("data=text", "tokenizer=words")),
    ("text.txt", "textgen", ("tokenizer=bpe", "tokenizer.vocabulary_size=300")),
    ("text.txt", "textgen", ("tokenizer=bytes",)),
    ("tags.conll", "tagging", ()),
    ("tags.conll", "tagging", ("head=crf",)),
    ("tags.conllu", "tagging", ("data=conllu", "data.path=tags.conllu")),
    ("tags.conllu", "tagging", ("data=conllu", "data.path=tags.conllu", "data.format.field=MISC.Entity")),
    ("words.in", "tagging", ("data=parallel", "data.path=words.in")),
    ("words.out", "tagging", ("data=parallel", "data.path=words.in")),
    ("code/a.py", "tagging", ("data=python_roles", "data.path=code")),
    ("vectors.txt", "tagging", ("data.vectors=vectors.txt",)),
    ("series.csv", "forecasting", ()),
    ("series.csv", "forecasting", ("data.joint=true", "head=gaussian")),
    ("series.csv", "forecasting", ("data.calendar=[time_of_day,day_of_week]", "data.past=[temperature]")),
    ("series.csv.gz", "forecasting", ("data.path=series.csv.gz",)),
    ("long.csv", "forecasting", ("data.path=long.csv", "data.id=name")),
    ("series.parquet", "forecasting", ("data.path=series.parquet",)),
)
"""Damaged data: the file, the task that is trained on it, and further settings."""


def data_case(template: Template, rng: random.Random) -> Case:
    """A damaged file of data, for training or for a trained run."""
    name, task, more = rng.choice(DATA)
    files = template.files
    others = [files / "work" / part for part, _, _ in DATA if part != name]
    run = f"runs/{task}"
    way = rng.random()
    parts = data_parts(files)
    if way < 0.65:
        script, words = "train.py", [f"task={task}", *TINY[task], *more, *SHORT]
        new: tuple[str, ...] = ("work/runs",)
    elif way < 0.8 or task == "textgen":  # which predicts nothing from a file
        script, words = "scripts/evaluate.py", [run, "--path", name]
        parts, new = (*parts, f"work/{run}"), ()
    else:
        script, words = (
            "scripts/predict.py",
            [run, name, *rng.choice(((), ("--output", "made"), ("--probabilities",)))],
        )
        parts, new = (*parts, f"work/{run}"), ("work/made",)
    seed = rng.random()
    return Case(
        kind="data files",
        title=f"{name} damaged, then {shown(script, words)}",
        action=command(script, words),
        parts=parts,
        prepare=lambda work: damage_bytes(work / name, others, random.Random(seed)),
        new=new,
    )


def run_case(template: Template, rng: random.Random) -> Case:
    """A damaged file in the folder of a run, which is then used."""
    task = rng.choice(list(TINY))
    run = f"runs/{task}"
    commands: tuple[tuple[str, list[str], str], ...] = (
        ("train.py", [f"resume={run}", "trainer.max_steps=4", "trainer.max_time=00:00:00:08"], "changed"),
        ("train.py", [f"rerun={run}"], "new"),
        ("train.py", [f"task={task}", *TINY[task], *SHORT, f"init_from={run}"], "new"),
        ("scripts/evaluate.py", [run], "none"),
        ("scripts/predict.py", [run, INPUTS[task]], "none"),
        ("scripts/generate.py", [run, "--length", "5"], "none"),
        (
            "scripts/report.py",
            ["runs", "--format", rng.choice(("terminal", "csv", "markdown", "json"))],
            "none",
        ),
        ("scripts/report.py", ["runs", "--runs", "--figure", "made.png"], "made"),
        ("scripts/report.py", ["--diff", run, run], "none"),
        (
            "scripts/export.py",
            [run, "--format", rng.choice(EXPORTED), "--output", "made"],
            "made",
        ),
    )
    script, words, writes = rng.choice(commands)
    names = _files_of(template.files / "work" / run)
    return Case(
        kind="run files",
        action=command(script, words),
        parts=(*data_parts(template.files), f"work/{run}"),
        new={"new": ("work/runs",), "made": ("work/made", "work/made.png")}.get(writes, ()),
        changed=(f"work/{run}",) if writes == "changed" else (),
        **_damaged(template, f"work/{run}", names, script, words, rng),
    )


def sweep_case(template: Template, rng: random.Random) -> Case:
    """A damaged file in the folder of a sweep, which is then used."""
    sweep = rng.choice(("multirun/grid", "multirun/search"))
    resume = ["-m", f"resume={sweep}"]
    if sweep.endswith("search") and rng.random() < 0.5:
        resume.append("sweep.trials=3")
    script, words = rng.choice(
        (
            ("train.py", resume),
            ("train.py", resume),
            ("scripts/report.py", ["multirun", "--format", rng.choice(("terminal", "csv", "json"))]),
        )
    )
    names = _files_of(template.files / "work" / sweep)
    return Case(
        kind="sweep files",
        action=command(script, words),
        parts=(*data_parts(template.files), f"work/{sweep}"),
        changed=(f"work/{sweep}",) if script == "train.py" else (),
        codes=frozenset({0, 1, 2}),  # 1: a job failed
        **_damaged(template, f"work/{sweep}", names, script, words, rng),
    )


def cache_case(template: Template, rng: random.Random) -> Case:
    """A damaged file of encoded text in the cache."""
    folder = template.files / "cache" / "throughtime"
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    words = ["task=textgen", *TINY["textgen"], *SHORT]
    return Case(
        kind="cached files",
        action=command("train.py", words),
        parts=(*data_parts(template.files), "cache/throughtime"),
        new=("work/runs",),
        **_damaged(template, "cache/throughtime", names, "train.py", words, rng),
    )


def _files_of(folder: Path) -> list[str]:
    """The files of a folder, those that are read more often than the others first and repeated."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    read = [name for name in names if name.endswith((".ckpt", ".json", ".yaml", ".db"))]
    return [*names, *read, *read, *read]


def _damaged(
    template: Template, folder: str, names: list[str], script: str, words: list[str], rng: random.Random
) -> dict:
    """The title of a case and its damage of one or two of some files."""
    chosen = rng.sample(names, rng.choice((1, 1, 1, 2)))
    ways = [_way(name, rng) for name in chosen]
    others = [template.files / "work" / name for name in ("text.txt", "series.parquet", "series.csv.gz")]
    seed = rng.random()

    def prepare(work: Path) -> None:
        chance = random.Random(seed)
        for name, (_, damage) in zip(chosen, ways, strict=True):
            path = work.parent / folder / name
            try:
                if damage is None:
                    damage_bytes(path, others, chance)
                else:
                    damage(path, chance)
            except Exception:  # no longer a file that parses, as the same one was drawn twice
                damage_bytes(path, others, chance)

    told = ", ".join(f"{name} {way}" for name, (way, _) in zip(chosen, ways, strict=True))
    return {"title": f"in {folder}: {told}; then {shown(script, words)}", "prepare": prepare}


def _way(name: str, rng: random.Random) -> tuple[str, Callable[[Path, random.Random], None] | None]:
    """The way in which a file is damaged: a value where its format is known, or else its bytes."""
    by_value = {".json": damage_json, ".yaml": damage_yaml, ".ckpt": damage_checkpoint}
    damage = by_value.get(Path(name).suffix)
    if damage is not None and rng.random() < 0.75:
        return "with another value", damage
    return "with other bytes", None
