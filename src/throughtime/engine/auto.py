"""The fastest engine for whatever comes (`engine=auto`).

The order is that of what `python scripts/benchmark.py cells` measures. On a CPU the compiled kernel comes first. Where
there is none (no C compiler, an operator that has no C, half precision), and on other devices, torch's own kernels
come first, then a parallel scan for linear recurrences on those devices, then backpropagation through time written
out, and last the plain loop, which takes everything.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan
from throughtime.engine.torch_kernels.engine import TorchKernels

COMPILED = Fused()
WITHOUT_A_KERNEL: tuple[Engine, ...] = (TorchKernels(), BackpropagationThroughTime(), Reference())
ELSEWHERE: tuple[Engine, ...] = (TorchKernels(), Scan(), BackpropagationThroughTime(), Reference())


class Auto(Engine):
    """Hands each run to the fastest engine that accepts it; the last of them accepts everything."""

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        return None

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        return fastest(cell, inputs, lengths, resets)._run(cell, inputs, state, lengths, resets)


def fastest(
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    lengths: Int[Tensor, " B"] | None = None,
    resets: Bool[Tensor, "T B"] | None = None,
) -> Engine:
    """The engine that `Auto` takes for this run."""
    if inputs.device.type != "cpu":
        engines = ELSEWHERE
    elif COMPILED.unsupported_reason(cell, inputs, lengths, resets) is None:
        return COMPILED
    else:
        engines = WITHOUT_A_KERNEL
    return next(each for each in engines if each.unsupported_reason(cell, inputs, lengths, resets) is None)
