"""The rules of the house: a test for every file, imports that run one way, files that fit on two screens."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "throughtime"
MODULES = sorted(path for path in PACKAGE.glob("*/*.py") if path.name != "__init__.py")
HEIGHT = {
    "cell": 0,
    "tokenizer": 0,
    "engine": 1,
    "model": 2,
    "head": 2,
    "decode": 2,
    "data": 2,
    "optim": 2,
    "callback": 2,
    "task": 3,
    "run": 4,
    "report": 5,
    "sweep": 6,
}


def imported(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative path"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def groups_of(path: Path) -> set[str]:
    """The groups of this package that a file imports from."""
    names = (name.split(".") for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "throughtime" and parts[1] in HEIGHT}


def test_every_module_has_its_test() -> None:
    mirrored = {path: REPOSITORY / "tests" / path.parent.name / f"test_{path.name}" for path in MODULES}
    assert [str(test) for test in mirrored.values() if not test.is_file()] == []


def test_every_group_is_known() -> None:
    assert {path.parent.name for path in MODULES} == set(HEIGHT)


@pytest.mark.parametrize("group", HEIGHT)
def test_imports_run_one_way(group: str) -> None:
    upwards = {
        str(path.relative_to(PACKAGE)): above
        for path in (PACKAGE / group).glob("*.py")
        if (above := {other for other in groups_of(path) if HEIGHT[other] > HEIGHT[group]})
    }
    assert upwards == {}


def test_groups_on_one_level_import_each_other_in_one_direction_only() -> None:
    graph = {group: set() for group in HEIGHT}
    for path in MODULES:
        graph[path.parent.name] |= groups_of(path) - {path.parent.name}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("group", [group for group in HEIGHT if group not in ("run", "sweep")])
def test_configuration_ends_at_the_border(group: str) -> None:
    knowing = [
        path.name
        for path in (PACKAGE / group).glob("*.py")
        if {name.split(".")[0] for name in imported(path)} & {"hydra", "omegaconf"}
    ]
    assert knowing == []


def test_the_command_line_imports_nothing_heavy() -> None:
    program = (
        "import sys, throughtime.cli.command_line; "
        "print(*{'torch', 'lightning', 'numpy', 'tensorboard', 'pandas'} & set(sys.modules))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []


def test_no_file_is_longer_than_250_lines() -> None:
    files = [*PACKAGE.rglob("*.py"), *(REPOSITORY / "scripts").rglob("*.py"), REPOSITORY / "train.py"]
    lengths = {str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
