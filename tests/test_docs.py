"""README and docs: every command and every block of code runs, and the site builds without a warning."""

import fcntl
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml
from toy_recordings import write_spoken

from throughtime.config.registry import KINDS, PLACES
from throughtime.data.music.midi import write_midi
from throughtime.data.music.piano_roll import Note, roll_of

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
PAGES = [README, *sorted((REPOSITORY / "docs").rglob("*.md"))]
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', flags=re.MULTILINE | re.DOTALL)

SHORT = ("debug=fast", "trainer.accelerator=cpu", "trainer.max_steps=4", "trainer.val_check_interval=4")
SHORT_TEXT = ("model.front.size=8", "callback.samples.length=5", "callback.samples.count=1")
SHORT_CLASSES = ("callback.class_figures.count=1",)
SHORT_WORDS = (
    "data.source.train=40",
    "data.source.val=8",
    "data.source.test=8",
    "callback.samples.length=20",
)
SHORT_SEARCH = ("sweep.trials=2", "sweep.startup_trials=1")
SHORT_SWEEPS = {
    "seed=1,2,3": "seed=1,2",
    "cell=elman,gru,lstm": "cell=elman,gru",
    "data.folds=5": "data.folds=2",
    "data.split=[1882,336,0],[2218,336,0],[2554,336,0],[2890,336,0]": "data.split=[1882,336,0],[2218,336,0]",
}
SHORT_BENCHMARKS = {
    "cells": ("--quick", "--minutes", "0.02", "--cells", "my_cells/__init__.py:CFN"),
    "scaling": ("--quick", "--minutes", "0.02", "--cells", "elman", "--threads", "1"),
    "compiled": ("--quick", "--minutes", "0.0001"),
    "products": ("--quick", "--threads", "1"),
    "roofline": ("--quick", "--threads", "1", "--cells", "elman"),
    "ranks": ("--latency", "1e-5", "--bandwidth", "1e9", "--step-seconds", "0.1", "--parameters", "1000000"),
    "show": (),
    "training": ("--rounds", "1", "--steps", "3", "cell.hidden_size=8"),
    "generation": ("--rounds", "1", "--steps", "3", "cell.hidden_size=8"),
}
COMPLETE = ("--help", "--cfg", "resume=", "rerun=", "debug=fast")
SHARED = (  # trained once, for all pages
    "python train.py task=textgen",
    "python train.py task=tagging",
    "python train.py task=forecasting",
    "python train.py task=classification",
    "python train.py task=music",
    "python train.py task=handwriting",
    "python train.py task=transcription",
    "python train.py task=algorithmic",
    "python train.py -m task=textgen cell=elman,gru,lstm seed=1,2,3 trainer.max_steps=300",
)
OPTIONAL = {"logger=wandb": "wandb", "logger=mlflow": "mlflow"}  # words that need a package of [loggers]
RUN = ("python train.py", "python scripts/")
NOT_RUN = (
    *(
        "pip install ",
        "pytest",
        "tensorboard --logdir",
        "mkdocs ",
        "torchrun ",
    ),  # the reader's own surroundings
    "python scripts/fuzz.py",  # tests/scripts/test_fuzz.py runs it
    "python train.py -m hydra/launcher=joblib",  # tests/sweep/test_launch.py runs it
    "python scripts/benchmark.py memory",  # four processes; tests/scripts/test_benchmark_memory.py runs it (slow)
    "python scripts/compare_cells.py",  # minutes; tests/scripts/test_compare_cells.py runs it
    "python scripts/remedies.py",  # minutes; tests/scripts/test_remedies.py composes every run of it
)


@dataclass(frozen=True)
class Block:
    """A block of code of a page; one with a title is a file that the reader writes."""

    language: str
    title: str
    text: str


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The blocks of code of a page, of one language or of all."""
    found = [Block(*match.groups(default="")) for match in FENCE.finditer(page.read_text())]
    return [block for block in found if language in (None, block.language)]


def commands(page: Path) -> list[str]:
    """The lines of shell that a reader would type, comments left out."""
    lines = (
        line.partition("  #")[0].strip() for block in blocks(page, "sh") for line in block.text.splitlines()
    )
    return [part.strip() for line in lines for part in line.split("&&") if part.strip()]


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def optional_package(line: str) -> str | None:
    """The package outside [test] that a command needs, if any."""
    return next((package for word, package in OPTIONAL.items() if word in line), None)


def shortened(line: str) -> list[str]:
    """The words of a command after `python`, with settings that make it take seconds."""
    script, *words = shlex.split(line)[1:]
    if script == "scripts/benchmark.py":
        return [script, *words, *SHORT_BENCHMARKS[words[0]]]
    if script != "train.py" or any(word.startswith(COMPLETE) for word in words):
        return [script, *words]
    many = "-m" in words
    words = [SHORT_SWEEPS.get(word, word) for word in words]
    chosen = [word for word in words if not word.startswith("trainer.max_steps=")]
    if not many and "cell=conv_lstm" not in words:  # whose size is that of its images
        chosen = [word for word in chosen if not word.startswith("cell.hidden_size=")]
    if not any(word.startswith("cell.hidden_size=") for word in chosen):
        chosen.append("cell.hidden_size=8")
    if "sweep=optuna" in words:
        chosen += SHORT_SEARCH
    if not any(word.startswith("engine=") for word in words):
        chosen.append("engine=reference")
    if "model=recursive" in words:
        chosen.append("task.paths=5")
    if "task=tagging" in words and not any(word.startswith("data") for word in words):
        chosen.append("data.format.modules=6")
    if "task=classification" in words and "debug=lr_find" not in words:
        chosen += SHORT_CLASSES
    if "task=handwriting" in words and not any(word.startswith("data") for word in words):
        chosen += SHORT_WORDS
    if "task=music" in words:
        chosen.append("callback.samples.length=5")
        if not any(word.startswith("data") for word in words):
            chosen.append("data.source.count=5")
    other_task = any(word.startswith("task=") and word != "task=textgen" for word in words)
    return [script, *chosen, *SHORT, *(() if other_task else SHORT_TEXT)]


def table(rows: int) -> str:
    """A daily wave, every half hour."""
    start = datetime(2026, 1, 1)
    return "".join(f"{start + timedelta(minutes=30 * row)},{row % 48}\n" for row in range(rows))


def pixels(rows: int) -> str:
    """Images of 4 x 4 pixels in two classes, of which one is brighter."""
    lines = (
        (row % 2, *((row * pixel) % 50 + 200 * (row % 2) for pixel in range(16)))
        for row in range(1, rows + 1)
    )
    return "".join(f"{','.join(map(str, line))}\n" for line in lines)


def motions(cases: int) -> str:
    """Series of four steps in two classes, of six patients."""
    rows = (
        f"{case},p{case % 6},{step},{case + step},{case % 2 * step},{('walk', 'run')[case % 2]}\n"
        for case in range(cases)
        for step in range(4)
    )
    return "id,patient,time,x,y,label\n" + "".join(rows)


def gestures(inks: int) -> str:
    """Ink of four points in two classes, a tick and a line, by six writers."""
    rows = (
        f"{ink},{('tick', 'line')[ink % 2]},w{ink % 6},{x},{ink % 5 + (x if ink % 2 else abs(x - 1))},{int(x == 3)}\n"
        for ink in range(inks)
        for x in range(4)
    )
    return "id,label,writer,x,y,pen\n" + "".join(rows)


def clip(bright: int, length: int) -> dict[str, str]:
    """The frames of a clip in which a pixel moves, as text files of 8 x 8 pixels (plain PGM)."""
    return {
        f"{frame + 1}.pgm": "P2 8 8 255\n" + " ".join(str(bright * (pixel == frame)) for pixel in range(64))
        for frame in range(length)
    }


def recording(number: int) -> str:
    """Frames of two features with a tag each."""
    rows = (f"{(row + number) % 9},{row % 5},{('rest', 'move')[row // 10 % 2]}\n" for row in range(60))
    return "x,y,tag\n" + "".join(rows)


def write_files(folder: Path) -> None:
    """Write the user's files that the pages speak of, and those that they show whole."""
    folder.mkdir()
    words = "The quick brown fox jumps over the lazy dog and says something new. "
    lines = 200
    files = {
        **dict.fromkeys(("my.txt", "other.txt", "tinyshakespeare.txt"), words * 400),
        "names.txt": "\n".join(f"{a}{b}{c}n" for a in "abcdefg" for b in "aeiou" for c in "klmnrst"),
        "bits.txt": "0110100110010110\n1111111100000000\n",
        "code.py": "def twice(x):\n    return x + x\n",
        "tags.conll": "Ann B-PER\nsaw O\nBob B-PER\n\nHe O\nran O\n\n" * lines,
        "tags.conllu": "1\tHe\the\tPRON\t_\t_\t2\t_\t_\t_\n2\tran\trun\tVERB\t_\t_\t0\t_\t_\t_\n\n" * lines,
        "seq.in": "show flights to Boston\n" * lines,
        "seq.out": "O O O B-city\n" * lines,
        "series.csv": "time,load\n" + table(600),
        "history.csv": "time,demand\n" + table(800),
        "digits.csv": "".join(
            f"{','.join(str(row * pixel % 17) for pixel in range(64))}\n" for row in range(5)
        ),
        "pixels.csv": "label," + ",".join(f"p{pixel}" for pixel in range(16)) + "\n" + pixels(60),
        "genes.fa": "".join(f">g{n} class={'ab'[n % 2]}\n{'ACG' if n % 2 else 'TTG'}NA\n" for n in range(60)),
        "reviews.csv": "label,text\n"
        + "".join(
            f"{'good' if n % 2 else 'bad'},film {n} was {'fine' if n % 2 else 'poor'}\n" for n in range(60)
        ),
        "moods.csv": "label,text\n"
        + "".join(f"{('calm', 'glad', 'sad')[n % 3]},today {n} I sing {n % 3}\n" for n in range(60)),
        "motions.csv": motions(36),
        "gestures.csv": gestures(36),
        **dict.fromkeys(
            ("archive/Waves_TRAIN.ts", "archive/Waves_TEST.ts"),
            "@univariate true\n@classLabel true a b\n@data\n" + "1,2,1:a\n3,?:b\n" * 12,
        ),
        **{
            f"clips/{kind}/{number}/{name}": content
            for bright, kind in ((90, "run"), (250, "walk"))
            for number in range(6)
            for name, content in clip(bright + number, 3 + number).items()
        },
        **{f"new_clips/1/{name}": content for name, content in clip(95, 4).items()},
        **{f"sessions/{number}.csv": recording(number) for number in range(3)},
        "pieces.json": json.dumps([[[60 + step % 5, 67]] * 12 for step in range(9)]),
        "parity.txt": "".join(f"{number:06b}\n" for number in range(64)),
    }
    write_spoken(folder / "recordings")
    for file in sorted((folder / "recordings").iterdir()):
        place = folder / "sounds" / file.name.partition("_")[0] / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    files |= {block.title: block.text for page in PAGES for block in blocks(page) if block.title}
    song = roll_of([Note(step, step + 2, 60 + step % 7) for step in range(0, 32, 2)], "song")
    for name in ("bach.mid", *(f"songs/{number}.mid" for number in range(6))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(write_midi(song, steps_per_beat=2))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def with_newest_runs(words: list[str], folder: Path) -> list[str]:
    """The words with the folders of runs and sweeps replaced by the newest of the same task."""

    def newest(match: re.Match[str]) -> str:
        runs = sorted((folder / match.group(1)).iterdir(), key=lambda run: run.stat().st_mtime)
        return str(runs[-1])

    return [re.sub(r"((?:runs|multirun)/\w+)/[\w.…-]+", newest, word) for word in words]


@dataclass
class Shared:
    """A folder with the user's files and a run of each task, and the commands that have worked so far."""

    folder: Path
    command: Callable
    worked: set[tuple[str, ...]] = field(default_factory=set)

    def failure(self, line: str, folder: Path) -> str | None:
        """Run a command in a folder, unless the same one has worked before; what it said where it fails."""
        words = shortened(line)
        if tuple(words) in self.worked:
            return None
        finished = self.command(*with_newest_runs(words, folder), folder=folder)
        if finished.returncode != 0:
            return f"{line}\n{finished.stdout}\n{finished.stderr}"
        self.worked.add(tuple(words))
        return None


@pytest.fixture(scope="module")
def shared(command_in: Callable, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Made by all test processes together, each of which runs the commands that no other has begun."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "docs"
    folder, marks = place / "work", place / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    found = Shared(folder, command_in(tmp_path_factory.mktemp("home")))

    def train(line: str) -> None:
        failure = found.failure(line, folder)
        assert failure is None, failure

    make_once(marks / "files", partial(write_files, folder))
    for wait in (False, True):
        for number, line in enumerate(SHARED):
            make_once(marks / str(number), partial(train, line), wait)
    found.worked.update(tuple(shortened(line)) for line in SHARED)
    return found


def make_once(mark: Path, make: Callable[[], None], wait: bool = True) -> None:
    """Make something that several processes share, unless it is made, or being made by another and not waited for."""
    with mark.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return
        if not mark.stat().st_size:
            make()
            file.write("made")
            file.flush()


@pytest.fixture
def folder(shared: Shared, tmp_path: Path) -> Iterator[Path]:
    """A working directory with the user's files and the shared runs, for one page to write to."""
    place = tmp_path / "work"
    shutil.copytree(shared.folder, place)
    yield place
    shutil.rmtree(place)


def test_every_command_is_one_that_this_test_knows_how_to_treat() -> None:
    for page in PAGES:
        assert [line for line in commands(page) if not line.startswith((*RUN, *NOT_RUN))] == [], name_of(page)


def test_the_shared_runs_are_commands_of_the_readme() -> None:
    assert set(SHARED) <= set(commands(README))


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_every_command_of_a_page_works(page: Path, shared: Shared, folder: Path) -> None:
    """In the order of the page, so that scripts find the runs that the lines before them made."""
    lines = [
        line
        for line in commands(page)
        if line.startswith(RUN) and not line.startswith(NOT_RUN) and not optional_package(line)
    ]
    failures = [failure for line in lines if (failure := shared.failure(line, folder))]
    assert not failures, "\n\n".join(failures)


@pytest.mark.parametrize(
    "line", sorted({line for page in PAGES for line in commands(page) if optional_package(line)})
)
def test_a_command_that_needs_an_optional_package_works(line: str, shared: Shared, folder: Path) -> None:
    package = optional_package(line)
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (pip install -e '.[loggers]')")
    assert shared.failure(line, folder) is None


def test_tensorboard_reads_the_runs(shared: Shared) -> None:
    inspected = subprocess.run(
        [sys.executable, "-m", "tensorboard.main", "--logdir", str(shared.folder / "runs"), "--inspect"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "val/bpc" in inspected.stdout, inspected.stderr


def python_blocks() -> list[tuple[Path, Block]]:
    return [(page, block) for page in PAGES for block in blocks(page, "python") if not block.title]


@pytest.mark.parametrize(
    ("page", "block"),
    python_blocks(),
    ids=[f"{name_of(page)}-{n}" for n, (page, _) in enumerate(python_blocks())],
)
def test_the_python_of_a_page_runs(page: Path, block: Block, shared: Shared, folder: Path) -> None:
    (folder / "example.py").write_text(block.text)
    finished = shared.command(str(folder / "example.py"), folder=folder)
    assert finished.returncode == 0, finished.stderr


def test_the_c_of_a_page_is_what_its_command_shows(shared: Shared, folder: Path) -> None:
    shown_on = [page for page in PAGES if blocks(page, "c")]
    assert shown_on
    for page in shown_on:
        line = next(line for line in commands(page) if "benchmark.py show" in line)
        output = shared.command(*shlex.split(line)[1:], folder=folder).stdout
        shown = {line.strip() for line in output.splitlines()}
        for block in blocks(page, "c"):
            assert [line for line in block.text.splitlines() if line.strip() not in shown] == []


def test_a_file_that_is_shown_twice_is_the_same() -> None:
    files: dict[str, str] = {}
    for page in PAGES:
        for block in blocks(page):
            if block.title:
                assert files.setdefault(block.title, block.text) == block.text, (
                    f"{name_of(page)}: {block.title}"
                )


def test_the_example_of_a_cell_is_twenty_lines_of_python_and_three_of_yaml() -> None:
    files = {block.title: block.text for page in PAGES for block in blocks(page)}
    assert len([line for line in files["my_cells/__init__.py"].splitlines() if line.strip()]) <= 20
    assert len(files["my_conf/cell/cfn.yaml"].splitlines()) <= 3


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_yaml_of_a_page_is_yaml(page: Path) -> None:
    for block in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(block.text), dict), block.text


@pytest.mark.parametrize("page", [*PAGES, REPOSITORY / "CONTRIBUTING.md"], ids=name_of)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"`((?:src|tests|conf|scripts|docs)/[\w/.]+)`", text)
    linked = [link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)]
    missing = [path for path in named if not (REPOSITORY / path).exists()]
    assert missing + [link for link in linked if not (page.parent / link).exists()] == []


def test_the_page_on_trust_lists_every_place_and_every_class_of_other_libraries() -> None:
    text = (REPOSITORY / "docs" / "trust.md").read_text()
    others = {name.rpartition(".")[2] for kind in KINDS.values() for name in kind.others}
    packages = {package.removesuffix(".*") for kind in KINDS.values() for package in kind.packages}
    assert {place for place in PLACES if f"`{place}`" not in text} == set()
    assert {name for name in others if name not in text} | {
        name for name in packages if f"`{name}`" not in text
    } == set()


def test_the_readme_fits_a_landing_page() -> None:
    assert len(README.read_text().splitlines()) <= 170


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from docs/ with every warning an error."""
    missing = [
        name for name in ("mkdocs", "material", "mkdocstrings", "latex2mathml") if not importable(name)
    ]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed (pip install -e '.[docs]')")
    place = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)],
        cwd=REPOSITORY,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    return place


def importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def test_every_page_is_in_the_site_and_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in PAGES[1:]:
        content = (site / page.relative_to(REPOSITORY / "docs").with_suffix(".html")).read_text()
        assert re.findall(r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//', content) == [], page
        assert (
            re.findall(r'<link[^>]*rel="(?:stylesheet|preconnect)"[^>]*href="(?:https?:)?//', content) == []
        ), page


def test_equations_are_rendered(site: Path) -> None:
    for page in PAGES[1:]:
        outside_code = FENCE.sub("", page.read_text())
        content = (site / page.relative_to(REPOSITORY / "docs").with_suffix(".html")).read_text()
        assert content.count("<math xmlns") >= len(
            re.findall(r"^\$\$ .* \$\$$", outside_code, flags=re.MULTILINE)
        )
        assert 'class="arithmatex"' not in content


def test_the_reference_has_every_public_name(site: Path) -> None:
    content = (site / "reference.html").read_text()
    for initial in (REPOSITORY / "src" / "throughtime").rglob("__init__.py"):
        package = ".".join(initial.parent.relative_to(REPOSITORY / "src").parts)
        listed = getattr(importlib.import_module(package), "__all__", [])
        assert [
            name for name in listed if f"{package}.{name}" not in content and package != "throughtime"
        ] == []
