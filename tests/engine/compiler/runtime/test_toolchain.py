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
