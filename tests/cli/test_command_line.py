"""What a user types is answered: help within a moment, a mistake with one sentence, and nothing left behind."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from throughtime.cli.command_line import resume_arguments
from throughtime.errors import UserError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CONFIGURATIONS = REPOSITORY / "conf"

MISTAKES = {
    "a missing path": (("data.path=none.txt",), r"data.path=none.txt does not exist"),
    "an empty file": (("data.path=empty.txt",), "holds no text"),
    "less than a chunk": (("data.path=short.txt",), "data.chunk_length=16"),
    "another encoding": (("data.path=latin.txt",), "byte 0xe9 at offset 3 of latin.txt"),
    "no encoding": (("data.encoding=klingon",), "data.encoding=klingon"),
    "an unknown key": (("cell.hiden_size=3",), "did you mean cell.hidden_size?"),
    "an unknown choice": (("cell=lstmm",), "did you mean cell=lstm?"),
    "an unknown task": (("task=textgem",), "did you mean task=textgen?"),
    "no key at all": (("lstm",), "key=value"),
    "a seed in letters": (("seed=abc",), "seed=abc is not a whole number"),
    "a negative size": (("cell.hidden_size=-3",), "hidden_size must be above 0, not -3"),
    "a negative batch": (("data.batch_size=-1",), "data.batch_size must be above 0, not -1"),
    "a size in letters": (("cell.hidden_size=abc",), "cell.hidden_size=abc"),
    "a rate in letters": (("optim.optimizer.lr=abc",), "optim.optimizer.lr=abc"),
    "a rate below 0": (("optim.optimizer.lr=-1",), "Invalid learning rate"),
    "a horizon below the chunk": (("task.horizon=4",), "task.horizon=4 is shorter than data.chunk_length=16"),
    "a horizon in letters": (("task.horizon=abc",), "task.horizon=abc"),
    "no end": (("trainer.max_steps=-1",), "the run would never end"),
    "an engine that cannot": (("engine=torch", "cell=gru", "cell.reset=before"), "choose engine=auto"),
    "a value that leads nowhere": (("cell.hidden_size=${nowhere}",), "nowhere"),
    "a class that is not allowed": (("cell._target_=os.system",), "os.system is not a recurrent cell"),
    "a function that is not allowed": (
        ("+callback.x._target_=builtins.eval",),
        "builtins.eval is not a callback",
    ),
    "a folder that cannot be": (("hydra.run.dir=short.txt/run",), "short.txt/run"),
    "a number for a group": (("callback=5",), "callback=5 is not the name of an option"),
    "no cell": (("cell=null",), "cell=null is not the name of an option; choose one of"),
    "a part of another role": (("engine=str",), "engine=str is not known"),
    "a number for a callback": (("callback.samples=5",), "callback.samples=5 describes no callback"),
    "no optimiser": (("optim.optimizer=null",), "optim.optimizer=null is of the wrong kind"),
    "a time in letters": (("trainer.max_time=abc",), "DD:HH:MM:SS"),
    "a time below 0": (("trainer.max_time=-1",), "trainer.max_time=-1 is no time"),
    "a split that is one number": (("data.split=0.9",), "data.split=0.9 is of the wrong kind; a list"),
    "a split without a number": (("data.split=[nan,0.5,0.5]",), "data.split: nan is not a number"),
    "an encoding of no text": (("data.encoding=undefined",), "data.encoding=undefined"),
    "an encoding of names": (("data.encoding=idna",), "data.encoding=idna"),
    "a cell for no machine": (("cell.hidden_size=1000000",), "make the model smaller"),
    "a depth for no machine": (("model.layers.depth=1000000000",), "model.layers.depth=1000000000"),
    "a chunk for no machine": (("data.chunk_length=1000000000000",), "data.chunk_length=1000000000000"),
    "devices of no machine": (("trainer=ddp", "trainer.devices=100000"), "trainer.devices=100000"),
    "a vocabulary of no text": (
        ("tokenizer=bpe", "tokenizer.vocabulary_size=1000000000"),
        "tokenizer.vocabulary_size=1000000000",
    ),
    "a grid without end": (("-m", "seed=range(1,1000000000)"), "999,999,999 jobs"),
    "a search without -m": (("sweep=optuna",), "sweep=optuna plans several runs, which needs -m"),
    "several values without -m": (("cell=gru,lstm",), "add -m"),
    "an equals sign in a path": (("data.path=a=b.txt",), """'data.path="a=b.txt"'"""),
    "a path in another alphabet": (("data.path=文.txt",), """'data.path="文.txt"'"""),
    "a quote in a path": (("data.path=it's.txt",), r"""data.path='it\'s.txt'"""),
    "brackets in a path": (("data.path=a(1).txt",), """'data.path="a(1).txt"'"""),
    "a path in a home folder": (("data.path=~/no_such_text.txt",), "/no_such_text.txt does not exist"),
    "a starting point that is a number": (("init_from=5",), "init_from=5 is of the wrong kind"),
    "an accelerator without its package": (("trainer.accelerator=tpu",), "is not installed"),
    "a resumption of nothing": (("resume=none",), "no such folder"),
    "a resumption of no run": (("resume=.",), "holds no config.yaml"),
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "short.txt").write_text("ab" * 30)
    (tmp_path / "latin.txt").write_bytes(b"abc\xe9def" * 1000)
    return tmp_path


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_sentence_and_leaves_nothing_behind(
    mistake: str, command, small: tuple[str, ...], files: Path
) -> None:
    typed, sentence = MISTAKES[mistake]
    before = {path for path in files.rglob("*") if "cache" not in path.parts}
    base = () if typed[0].startswith("resume=") else small
    finished = command("train.py", *base, *typed)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1, finished.stderr
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stdout
    after = {path for path in files.rglob("*") if "cache" not in path.parts} - before
    left = {str(path.relative_to(files)) for path in after}
    assert left <= {"output", "output/stdout", "output/stderr", "runs", "runs/textgen"}


def test_with_debug_trace_the_traceback_is_told_too(command, small: tuple[str, ...]) -> None:
    finished = command("train.py", *small, "debug=trace", "seed=abc")
    assert finished.returncode == 2
    assert "Traceback" in finished.stderr and finished.stderr.splitlines()[-1].startswith("error: seed=abc")


@pytest.mark.parametrize("typed", [["--help"], ["--cfg", "job"], ["cell.hiden_size=3"], ["cell=lstmm"]])
def test_help_and_slips_are_answered_without_torch(typed: list[str], tmp_path: Path) -> None:
    program = f"""
import runpy, sys
sys.argv = ["{REPOSITORY / "train.py"}", *{typed}]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit:
    pass
print("heavy:", *({{"torch", "lightning", "numpy", "pandas"}} & set(sys.modules)))
"""
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert finished.stdout.splitlines()[-1].split() == ["heavy:"]
    assert finished.stderr.count("\n") <= 1


def test_help_shows_the_commands_that_matter(command) -> None:
    shown = command("train.py", "--help").stdout
    for part in (
        "task=textgen",
        "resume=",
        "generate.py",
        "tensorboard",
        "debug",
        "cell: additive, antisymmetric",
        "elman, gru",
    ):
        assert part in shown


def test_two_runs_in_the_same_second_have_a_folder_each(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    """The clock is taken out: all but the token of the folder's name is the same."""
    for _ in range(2):
        finished = command("train.py", *small, "trainer.max_steps=1", "hydra.run.dir=runs/now-${token:}")
        assert finished.returncode == 0, finished.stderr
    assert len([run for run in (tmp_path / "runs").iterdir() if (run / "results.json").exists()]) == 2


def test_the_folder_of_another_run_is_not_taken(command, small: tuple[str, ...], trained) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.run.rglob("*")}
    finished = command("train.py", *small, f"hydra.run.dir={trained.run}")
    assert finished.returncode == 2 and "already holds a run" in finished.stderr
    assert {path: path.stat().st_mtime_ns for path in trained.run.rglob("*")} == before


@pytest.mark.parametrize(
    "typed",
    ["cell.hidden_size=3", "cell=gru", "++cell.hidden_size=3", "+cell.new=1", "~cell.hidden_size", "seed=2"],
)
def test_what_a_run_is_cannot_be_changed_on_resume(typed: str, trained) -> None:
    with pytest.raises(UserError, match="cannot be changed on resume"):
        resume_arguments([f"resume={trained.run}", typed])


def test_how_long_it_goes_on_can_be_changed(trained) -> None:
    typed = ["trainer.max_steps=40", "+trainer.limit_test_batches=1", "~callback.speed", "--cfg", "job"]
    given = resume_arguments([f"resume={trained.run}", *typed, "debug=trace"])
    assert given[-6:] == [*typed, "+debug=trace"]


def test_without_resume_nothing_is_touched() -> None:
    for typed in (["cell=gru"], ["resume=null", "cell=gru"], ["resume="]):
        assert resume_arguments(typed) == typed


def test_the_flag_of_a_sweep_may_stand_anywhere() -> None:
    for typed in (["cell=gru", "-m", "seed=1,2"], ["cell=gru", "seed=1,2", "-m"]):
        assert resume_arguments(typed) == ["-m", "cell=gru", "seed=1,2"]


def test_a_run_is_not_resumed_as_a_sweep(trained) -> None:
    with pytest.raises(UserError, match="leave -m out"):
        resume_arguments(["-m", f"resume={trained.run}"])


def test_a_run_goes_on_in_no_folder_but_its_own(command, trained, tmp_path: Path) -> None:
    shutil.copytree(trained.run, tmp_path / "other")
    before = (tmp_path / "other" / "config.yaml").read_bytes()
    finished = command("train.py", f"resume={trained.run}", "hydra.run.dir=other", "trainer.max_steps=30")
    assert finished.returncode == 2 and "leave hydra.run.dir out" in finished.stderr
    assert (tmp_path / "other" / "config.yaml").read_bytes() == before


@pytest.mark.parametrize("key", ["data.path", "+model.layers.x"])
def test_a_variable_of_the_environment_is_refused(
    key: str, command, small: tuple[str, ...], tmp_path
) -> None:
    """What the environment holds never gets into a run's files."""
    finished = command("train.py", *small, f"{key}=${{oc.env:HOME}}", f"hydra.run.dir={tmp_path / 'run'}")
    assert finished.returncode == 2
    assert "oc.env:HOME" in finished.stderr and finished.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
