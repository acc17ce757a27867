"""`engine=auto`: run each sequence by the fastest engine that supports it.

The order is that of the speeds that `python scripts/benchmark.py cells` measures. On a CPU the compiled kernel comes
first. Where there is none (no C compiler, an operator that has no C, half precision), and on other devices, torch's own
kernels come first, then a parallel scan for linear recurrences on those devices, then backpropagation through time
written out, and last the plain loop, which supports everything.
"""

from copy import copy
from functools import cache

from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.delta_clip import DeltaClip
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan
from throughtime.engine.torch_kernels.engine import TorchKernels

CPU_ENGINES: tuple[Engine, ...] = (Fused(), TorchKernels(), BackpropagationThroughTime(), Reference())
OTHER_ENGINES: tuple[Engine, ...] = (TorchKernels(), Scan(), BackpropagationThroughTime(), Reference())


class Auto(Engine):
    """Run each sequence by the fastest engine that supports it; the last in the order supports everything.

    Args:
        delta_clip, delta_clip_algorithm: as those of `Engine`.
    """

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        engine = fastest_engine(cell, inputs, lengths, resets, self.delta_clip)
        return engine._run(cell, inputs, state, lengths, resets)


def fastest_engine(
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    lengths: Int[Tensor, " B"] | None = None,
    resets: Bool[Tensor, "T B"] | None = None,
    delta_clip: DeltaClip | None = None,
) -> Engine:
    """The first engine, in the order of speed on the device of the inputs, that supports this run."""
    engines = CPU_ENGINES if inputs.device.type == "cpu" else OTHER_ENGINES
    engines = engines if delta_clip is None else _clipping(engines, delta_clip)
    return next(each for each in engines if each.unsupported_reason(cell, inputs, lengths, resets) is None)


@cache
def _clipping(engines: tuple[Engine, ...], clip: DeltaClip) -> tuple[Engine, ...]:
    """The same engines, which clip."""
    copies = tuple(map(copy, engines))
    for engine in copies:
        engine.delta_clip = clip
    return copies
