import ctypes
import os
import subprocess
import sys

import pytest

from throughtime.engine.compiler.runtime import toolchain
from throughtime.engine.compiler.runtime.toolchain import CompilerError, library

SOURCE = "int answer(void) {{ return {}; }}\n"


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A cache folder of its own, with nothing loaded yet."""
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))
    for function in (library, toolchain.find_compiler):
        function.cache_clear()
    yield tmp_path / "cache" / "kernels"
    for function in (library, toolchain.find_compiler):
        function.cache_clear()


def test_a_cached_library_is_loaded_without_compiling(cache, monkeypatch):
    assert library(SOURCE.format(42)).answer() == 42
    library.cache_clear()
    monkeypatch.setattr(toolchain, "_compile", lambda *arguments: pytest.fail("compiled again"))
    assert library(SOURCE.format(42)).answer() == 42
    assert [path.suffix for path in cache.iterdir()] == [".so"]


def test_an_error_says_that_there_is_no_compiler(cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(CompilerError, match="no C compiler"):
        library(SOURCE.format(1))


def test_an_error_quotes_a_compiler_that_fails(cache):
    with pytest.raises(CompilerError, match=r"the C compiler fails \(.*error"):
        library("int answer(void) { return nonsense; }")


def test_a_cache_that_cannot_be_written_is_replaced_by_a_temporary_folder(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "file" / "cache"))
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(toolchain.tempfile, "gettempdir", lambda: str(tmp_path))
    assert library(SOURCE.format(7)).answer() == 7


@pytest.fixture
def planted(cache, monkeypatch):
    """A cached library, not loaded yet, whose place that of another source has taken."""
    with monkeypatch.context() as patch:
        patch.setattr(toolchain, "_load", lambda path: ctypes.CDLL(None))  # a process loads a name only once
        library(SOURCE.format(42))
        (mine,) = cache.iterdir()
        library(SOURCE.format(43))
        (other,) = set(cache.iterdir()) - {mine}
    library.cache_clear()
    other.rename(mine)
    return mine


def as_foreign(path):
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, -1)


@pytest.mark.parametrize(
    "foreign",
    [
        lambda path: path.chmod(0o720),
        lambda path: path.chmod(0o702),
        as_foreign,
        lambda path: path.symlink_to(path.rename(path.with_suffix(".moved"))),
    ],
    ids=["group", "others", "owner", "link"],
)
def test_a_file_that_another_user_may_have_written_is_not_loaded(planted, foreign):
    foreign(planted)
    assert library(SOURCE.format(42)).answer() == 42
    assert not planted.is_symlink() and planted.stat().st_mode & 0o777 == 0o700


def test_a_file_of_ones_own_is_loaded_as_it_is(planted):
    """The test above tells something only if what was planted would be loaded."""
    assert library(SOURCE.format(42)).answer() == 43


@pytest.mark.parametrize("foreign", [lambda path: path.chmod(0o770), as_foreign], ids=["group", "owner"])
def test_a_folder_that_another_user_may_write_to_is_passed_over(cache, monkeypatch, tmp_path, foreign):
    monkeypatch.setattr(toolchain.tempfile, "gettempdir", lambda: str(tmp_path))
    cache.mkdir(parents=True)
    foreign(cache)
    assert library(SOURCE.format(9)).answer() == 9
    assert not list(cache.iterdir())
    assert [path.suffix for path in (tmp_path / f"throughtime-{os.getuid()}").iterdir()] == [".so"]


def test_the_folder_is_the_users_alone(cache):
    before = os.umask(0)
    try:
        library(SOURCE.format(8))
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (cache, cache.parent, *cache.iterdir())] == [0o700] * 3


def test_two_processes_at_once_both_load_a_whole_library(cache):
    program = (
        "from throughtime.engine.compiler.runtime.toolchain import library\n"
        f"print(library({SOURCE.format(5)!r} + '/* ' + 'x' * 5000 + ' */').answer())"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, env=dict(os.environ), text=True
        )
        for _ in range(2)
    ]
    assert [process.communicate()[0] for process in running] == ["5\n", "5\n"]
    assert [path.suffix for path in cache.iterdir()] == [".so"]


def test_the_floating_point_mode_of_the_process_is_kept():
    """Fast-math start-up code would round denormal numbers to 0 in the whole process."""
    library(SOURCE.format(3))
    assert ctypes.c_float(1e-40).value * 1.0 != 0
    assert "-ffast-math" not in toolchain.FLAGS


CALLER = (
    '__attribute__((visibility("hidden"))) int shared(void);\nint answer(void) {{ return shared() + {}; }}\n'
)
SHARED = "int shared(void) {{ return {}; }}\n"


def test_functions_that_libraries_share_are_compiled_once(cache, monkeypatch):
    compiled = []
    compile_object = toolchain._compile_object
    monkeypatch.setattr(
        toolchain,
        "_compile_object",
        lambda command, source, path: compiled.append(source) or compile_object(command, source, path),
    )
    assert library(CALLER.format(1), linked=SHARED.format(40)).answer() == 41
    assert library(CALLER.format(2), linked=SHARED.format(40)).answer() == 42
    assert sorted(compiled) == sorted([SHARED.format(40), CALLER.format(1), CALLER.format(2)])
    assert sorted(path.suffix for path in cache.iterdir()) == [".o", ".so", ".so"]


def test_each_library_calls_the_functions_that_it_was_linked_with(cache):
    first = library(CALLER.format(1), linked=SHARED.format(10))
    second = library(CALLER.format(1), linked=SHARED.format(20))
    assert (first.answer(), second.answer()) == (11, 21)


@pytest.mark.parametrize("foreign", [lambda path: path.chmod(0o620), as_foreign], ids=["group", "owner"])
def test_an_object_file_that_another_user_may_have_written_is_not_linked(cache, foreign):
    library(CALLER.format(1), linked=SHARED.format(10))
    library(CALLER.format(1), linked=SHARED.format(20))
    mine, other = (
        cache / toolchain._file_name(toolchain.find_compiler(), SHARED.format(number), end=".o")
        for number in (10, 20)
    )
    other.replace(mine)
    foreign(mine)
    assert library(CALLER.format(2), linked=SHARED.format(10)).answer() == 12


def test_the_cache_keeps_to_its_size(cache, monkeypatch):
    """Kernels that no process has used for a while make room; the one in use is never removed."""
    library(SOURCE.format(1))
    library(SOURCE.format(2))
    (cache / "notes.so").write_text("of the user's own")
    for path in cache.iterdir():
        os.utime(path, times=(0, 0))
    monkeypatch.setenv("THROUGHTIME_CACHE_SIZE", "1")
    library.cache_clear()
    assert library(SOURCE.format(2)).answer() == 2
    assert library(SOURCE.format(3)).answer() == 3
    kept = {toolchain._file_name(toolchain.find_compiler(), SOURCE.format(n), end=".so") for n in (2, 3)}
    assert {path.name for path in cache.iterdir()} == {*kept, "notes.so"}
