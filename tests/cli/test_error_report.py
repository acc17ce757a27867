"""Every exception ends a command in one of three ways: a sentence, the code of a signal, or a traceback to report."""

import signal
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from throughtime.cli.command_line import run_script
from throughtime.cli.error_report import end_command, user_sentence
from throughtime.config.trust import VARIABLE
from throughtime.errors import Interrupted, Unavailable, UserError

REPOSITORY = Path(__file__).resolve().parents[2]


def raised(action) -> BaseException:
    """What an action raises, with its traceback."""
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def override_error() -> None:
    OverridesParser.create().parse_override("data.path=a=b.txt")


def no_memory() -> None:
    raise RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
    )


def nested_too_deeply() -> None:
    nested: list = []
    for _ in range(400):
        nested = [nested]
    OmegaConf.to_container(OmegaConf.create({"lr": nested}), resolve=True)


def missing_package() -> None:
    raise ModuleNotFoundError("No module named 'wandb'", name="wandb")


OF_THE_USER = {
    "a user error": (lambda: (_ for _ in ()).throw(UserError("seed is wrong")), "seed is wrong"),
    "a resource": (lambda: (_ for _ in ()).throw(Unavailable("the disk is full")), "the disk is full"),
    "the grammar": (override_error, "mismatched input"),
    "a missing file": (lambda: Path("no/such/file").read_text(), "no/such/file: No such file or directory"),
    "memory": (no_memory, "memory is short"),
    "memory of Python": (lambda: (_ for _ in ()).throw(MemoryError()), "memory is short"),
    "a package": (missing_package, "pip install 'throughtime[loggers]'"),
    "nested values": (nested_too_deeply, "nested too deeply"),
    "an encoding": (lambda: "é".encode("ascii"), "ascii"),
}


@pytest.mark.parametrize("name", OF_THE_USER)
def test_an_error_of_the_user_is_a_sentence_with_exit_code_2(
    name: str, capsys: pytest.CaptureFixture
) -> None:
    action, sentence = OF_THE_USER[name]
    with pytest.raises(SystemExit) as left:
        end_command(raised(action), [])
    told = capsys.readouterr().err
    assert left.value.code == 2
    assert told.startswith("error: ") and told.count("\n") == 1 and sentence in told


@pytest.mark.parametrize(
    "error", [KeyError("x"), AttributeError("x"), AssertionError("x"), ZeroDivisionError("x")]
)
def test_a_fault_has_its_traceback_and_asks_for_a_report(
    error: Exception, capsys: pytest.CaptureFixture
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as left:
        run_script(fail)
    told = capsys.readouterr().err
    assert left.value.code == 1
    assert "Traceback" in told
    assert "this is a fault of throughtime: please report it with the traceback" in told.splitlines()[-1]


def test_a_module_of_our_own_that_is_missing_is_a_fault() -> None:
    assert user_sentence(ModuleNotFoundError("No module named 'throughtime.x'", name="throughtime.x")) is None


def test_an_error_in_code_of_the_users_own_is_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "own_cells").mkdir()
    (tmp_path / "own_cells" / "__init__.py").write_text("def step():\n    return [][1]\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "own_cells"))
    monkeypatch.syspath_prepend(tmp_path)
    import own_cells

    with pytest.raises(SystemExit) as left:
        end_command(raised(own_cells.step), [])
    told = capsys.readouterr().err
    assert left.value.code == 2
    assert "Traceback" in told and "a package that trust= names" in told.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Interrupted(signal.SIGTERM), 128 + signal.SIGTERM),
        (KeyboardInterrupt(), 130),
        (SystemExit(7), 7),
    ],
)
def test_a_signal_keeps_its_own_code(error: BaseException, code: int) -> None:
    with pytest.raises(SystemExit) as left:
        end_command(error, [])
    assert left.value.code == code


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        end_command(UserError("no file \x1b]0;title\x07.txt"), [])
    assert capsys.readouterr().err == "error: no file \\x1b]0;title\\x07.txt\n"


def test_debug_trace_prints_the_traceback_of_a_mistake_too(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        end_command(raised(OF_THE_USER["a user error"][0]), ["+debug=trace"])
    told = capsys.readouterr().err
    assert "Traceback" in told and told.splitlines()[-1] == "error: seed is wrong"


def test_text_that_the_terminal_cannot_show_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.txt"
    with path.open("w", encoding="ascii") as file:
        monkeypatch.setattr(sys, "stdout", file)
        run_script(lambda: print("naïve 文"))
    assert path.read_text(encoding="ascii") == "na\\xefve \\u6587\n"
