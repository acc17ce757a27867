"""Rules of the package: mirrored tests, the direction of imports, task-independent modules, names, docstrings."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, reduce
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "throughtime"
SCRIPTS = [REPOSITORY / "train.py", *sorted((REPOSITORY / "scripts").glob("*.py"))]
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
NAMES = [str(path.relative_to(PACKAGE)) for path in MODULES]

LEVELS = (
    ("errors", "files", "signals", "tree"),
    ("bounded_cache",),
    ("config", "distributed"),
    ("cell",),
    ("engine",),
    ("tokenizer", "data", "optim", "init", "model", "head", "decode", "callback", "diagnosis", "regulariser"),
    ("task",),
    ("run", "inference"),
    ("cli", "sweep", "search", "report"),
    ("api",),
)
"""The top packages and modules, each level above those that it may import."""

LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
SPLIT = ("engine", "data")
"""Packages whose subpackages import each other in one direction only."""

KNOWS_CONFIGURATION = ("config", "run", "cli", "sweep", "search", "api")
"""The packages that may import Hydra or OmegaConf; all others take plain arguments."""

USES_THE_COMMAND_LINE = ("cli", "api", "sweep")
"""The packages that may import `throughtime.cli`, besides train.py and the scripts."""

WRITER_CALLS = {"SummaryWriter", "add_text", "add_figure", "add_image", "add_images", "add_custom_scalars"}
WRITER_CALLS |= {"add_hparams", "add_histogram", "add_audio", "add_video"}
ADAPTER = "callback/logging.py"

WRITING_LIBRARIES = ("torch.utils.tensorboard", "tensorboard.summary", "wandb", "mlflow")
WRITE_BY_THEM = {ADAPTER, "run/loggers.py", "sweep/comparison.py"}
"""The adapter, the builder of loggers, and the figure of a sweep, which is logged without a trainer."""

OPERATOR_RULES = [
    PACKAGE / "engine/compiler/ir" / name for name in ("arithmetic_rules.py", "layout_rules.py")
]
"""Modules whose functions have the names of the operators of PyTorch that they translate, and no docstrings."""

TASKS = sorted(path.stem for path in (REPOSITORY / "conf" / "task").glob("*.yaml"))
HEADS = sorted(path.stem for path in (REPOSITORY / "conf" / "head").glob("*.yaml"))
DATA = sorted(path.stem for path in (REPOSITORY / "conf" / "data").glob("*.yaml"))
NAMES_A_PART = re.compile(
    rf"\b({'|'.join(TASKS)})\b"  # a task
    rf"|\bhead=({'|'.join(HEADS)})\b"
    rf"|\bdata=({'|'.join(DATA)})\b"
    r"|^(val|test)/(?!loss$)\w+$"  # a metric that only some tasks have
)
FIELDS_OF_FILES = {
    "data/strokes/stroke_files.py": {"transcription"},
    "data/transcribed/manifest.py": {"transcription"},
}
"""Names of fields in files of the user's that are the name of a task too: of InkML, and of manifests."""

QUESTION = re.compile(r"(what|how|which|whatever|where|when|whose|who|from|to)\b", re.IGNORECASE)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """The full names of all modules and objects that a file imports, anywhere in the file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative path"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """The imported names of this package, without its own name: `data.batch.Batch`."""
    return {name.partition(".")[2] for name in imported(path) if name.startswith("throughtime.")}


def top(path: Path) -> str:
    """The top package, or the top module, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules_of(package: str) -> list[Path]:
    return [path for path in MODULES if top(path) == package]


def strings(path: Path) -> Iterator[str]:
    """All texts in a file, without its docstrings."""
    tree = parsed(path)
    documentation = {
        id(node.value)
        for parent in ast.walk(tree)
        if isinstance(parent, ast.Module | ast.ClassDef | ast.FunctionDef)
        for node in parent.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def test_every_module_has_its_test() -> None:
    mirrored = [
        REPOSITORY / "tests" / path.parent.relative_to(PACKAGE) / f"test_{path.name}" for path in MODULES
    ]
    assert [str(test.relative_to(REPOSITORY)) for test in mirrored if not test.is_file()] == []


def test_every_package_has_a_level() -> None:
    assert {top(path) for path in MODULES} == set(LEVEL)


@pytest.mark.parametrize("name", LEVEL)
def test_imports_run_one_way(name: str) -> None:
    upwards = {
        str(path.relative_to(PACKAGE)): above
        for path in MODULES
        if top(path) == name
        and (
            above := {
                other
                for other in (one.partition(".")[0] for one in own_imports(path))
                if LEVEL.get(other, -1) > LEVEL[name]
            }
        )
    }
    assert upwards == {}


def test_packages_of_one_level_do_not_import_each_other_in_a_cycle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in LEVEL}
    for path in MODULES:
        graph[top(path)] |= {one.partition(".")[0] for one in own_imports(path)} & set(LEVEL) - {top(path)}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("package", SPLIT)
def test_subpackages_do_not_import_each_other_in_a_cycle(package: str) -> None:
    """A subpackage is one node of the graph, and so is a module that lies in the package itself."""
    graph: dict[str, set[str]] = {}
    parts = {path.relative_to(PACKAGE / package).parts[0].removesuffix(".py") for path in modules_of(package)}
    for path in modules_of(package):
        own = path.relative_to(PACKAGE / package).parts[0].removesuffix(".py")
        named = {one.split(".")[1] for one in own_imports(path) if one.startswith(f"{package}.")}
        graph.setdefault(own, set()).update(named & parts - {own})
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_low_packages_import_errors_and_trees_only() -> None:
    for package in ("config", "distributed"):
        for path in modules_of(package):
            tops = {one.partition(".")[0] for one in own_imports(path)}
            assert tops <= {package, "errors", "tree", "files"}, path


def test_nothing_imports_the_command_line_but_the_entries() -> None:
    others = [
        name
        for name, path in zip(NAMES, MODULES, strict=True)
        if top(path) not in USES_THE_COMMAND_LINE and any(one.startswith("cli.") for one in own_imports(path))
    ]
    assert others == []


def is_part_of_a_task(name: str, place: tuple[str, ...]) -> bool:
    """Whether an imported name is of one task, one modality of data or one head, but not to the importer's package."""
    package, module = [*name.split("."), ""][:2]
    if package in ("data", "head") and place[0] == package:
        return False
    if package in ("task", "data"):
        return (PACKAGE / package / module).is_dir()
    return package == "head" and module not in ("base", "masked")


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_module_names_a_task_a_head_or_a_data_set(path: Path) -> None:
    """Only a task's own folder knows its heads, its data and its metrics; each part knows itself."""
    place = path.relative_to(PACKAGE).parts if path.is_relative_to(PACKAGE) else ()
    if place[:1] == ("task",) and len(place) > 2:
        return
    names = own_imports(path) if path.is_relative_to(PACKAGE) else set()
    named = {name for name in names if is_part_of_a_task(name, place)}
    own = [f"{place[0]}={path.stem}"] if place else []
    if place[:1] == ("data",) and place[1] in TASKS:  # a modality may have the name of its task
        own.append(place[1])
    fields = FIELDS_OF_FILES.get("/".join(place), set())
    named |= {
        text
        for text in set(strings(path)) - fields
        if NAMES_A_PART.search(reduce(lambda rest, one: rest.replace(one, ""), own, text))
    }
    assert named == set()


@pytest.mark.parametrize("package", [name for name in LEVEL if name not in KNOWS_CONFIGURATION])
def test_configuration_ends_at_the_border(package: str) -> None:
    knowing = [
        str(path.relative_to(PACKAGE))
        for path in modules_of(package)
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


def test_only_the_adapter_calls_a_logger() -> None:
    calls = {
        name: found
        for name, path in zip(NAMES, MODULES, strict=True)
        if name != ADAPTER and (found := _identifiers(path) & WRITER_CALLS)
    }
    assert calls == {}
    assert _identifiers(PACKAGE / ADAPTER) & WRITER_CALLS, "the adapter has moved"
    users = {
        name
        for name, path in zip(NAMES, MODULES, strict=True)
        if any(f"{one}.".startswith(f"{library}.") for one in imported(path) for library in WRITING_LIBRARIES)
    }
    assert users == WRITE_BY_THEM


def _identifiers(path: Path) -> set[str]:
    names = {node.attr for node in ast.walk(parsed(path)) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(parsed(path)) if isinstance(node, ast.Name)}
    return names | {name.rpartition(".")[2] for name in imported(path)}


def definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """The public classes and functions of a module."""
    for node in parsed(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def test_no_two_modules_define_the_same_name() -> None:
    """Folders of tasks have the same few files, so there only the modules of one folder are compared."""
    homes: dict[tuple[str, str], list[str]] = {}
    for path in MODULES:
        scope = str(path.parent) if top(path) == "task" and path.parent != PACKAGE / "task" else ""
        for node in () if path in OPERATOR_RULES else definitions(path):
            homes.setdefault((scope, node.name), []).append(str(path.relative_to(PACKAGE)))
    assert {name: files for (_, name), files in homes.items() if len(files) > 1} == {}


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_docstrings_begin_with_a_statement(path: Path) -> None:
    """A first line is a noun phrase or an imperative, never a question, and stands over all that is public."""
    tree = parsed(path)
    documented = [tree, *(() if path in OPERATOR_RULES else definitions(path))]
    missing = [getattr(node, "name", "the module") for node in documented if not ast.get_docstring(node)]
    assert missing == []
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    firsts = [
        (ast.get_docstring(node) or "").partition("\n")[0]
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]
    assert [line for line in firsts if QUESTION.match(line)] == []
