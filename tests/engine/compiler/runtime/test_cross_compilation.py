"""The C of every cell compiles for 64-bit Arm: nothing in it needs the instructions of x86-64.

Compiled by aarch64-linux-gnu-gcc, by clang, or by the package ziglang where it can be imported; skipped where there is
none of them.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from throughtime.engine.compiler.codegen.gemm_source import gemm_file
from throughtime.engine.compiler.engine import Fused, cell_kernel
from throughtime.engine.compiler.runtime import toolchain

TARGET = "aarch64-linux-gnu"
FLAGS = [flag for flag in toolchain.FLAGS if flag != "-march=native"]
OMP = "int omp_get_thread_num(void);\nint omp_get_num_threads(void);\n"
"""The declarations of omp.h, which belongs to a compiler's run-time library for the target."""
PROBE = "#include <stdint.h>\n#include <string.h>\n#include <sched.h>\n#include <omp.h>\nint answer = 42;\n"
CELLS = sorted(path.stem for path in (Path(__file__).parents[4] / "conf" / "cell").glob("*.yaml"))


def compiled(command: list[str], source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "omp.h").write_text(OMP)
    (folder / "source.c").write_text(source)
    return subprocess.run(
        [*command, *FLAGS, "-I", str(folder), "-c", str(folder / "source.c"), "-o", str(folder / "source.o")],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def cross_compiler(tmp_path_factory) -> list[str]:
    """The first command that compiles for the target with the headers of a C library."""
    commands = [[path] for name in (f"{TARGET}-gcc",) if (path := shutil.which(name))]
    commands += [[path, f"--target={TARGET}"] for name in ("clang",) if (path := shutil.which(name))]
    if importlib.util.find_spec("ziglang"):
        commands.append([sys.executable, "-m", "ziglang", "cc", "-target", TARGET])
    for command in commands:
        if compiled(command, PROBE, tmp_path_factory.mktemp("probe")).returncode == 0:
            return command
    pytest.skip(
        f"there is no compiler for {TARGET} here: {TARGET}-gcc, clang with its headers, or the package ziglang"
    )


def is_of_the_target(file: Path) -> bool:
    return int.from_bytes(file.read_bytes()[18:20], "little") == 183  # e_machine of ELF: EM_AARCH64


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_the_matrix_product_compiles_for_arm(precision, cross_compiler, tmp_path):
    finished = compiled(cross_compiler, gemm_file(precision), tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert is_of_the_target(tmp_path / "source.o")


@pytest.mark.slow
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_compiles_for_arm(name, bf16, cross_compiler, tmp_path, make):
    cell = make(name)
    inputs = torch.zeros(1, 1, cell.input_size)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        reason = Fused().unsupported_reason(cell, inputs, None, None)
        if reason is not None:
            pytest.skip(f"the cell has no kernel: {reason}")
        finished = compiled(cross_compiler, cell_kernel(cell, inputs).source, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert is_of_the_target(tmp_path / "source.o")
