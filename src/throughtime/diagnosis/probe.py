"""Probe of a model's recurrences: the arguments of every run of a cell, and its error norms by step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from throughtime.cell.base import Cell, State
from throughtime.engine.auto import Auto
from throughtime.engine.base import Engine
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.gradient_records import number_within, recording_by_number
from throughtime.engine.reference import Reference
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.tree import detach


@dataclass
class CellRun:
    """One run of a cell over a sequence, with the arguments of `Engine.run`.

    Attributes:
        name: the cell's path in the model, such as `layers.cells.0`.
        norms: ‖∂ℓ/∂h_t‖ of the latest backward pass, over all lanes and features (`gradient_records.ErrorNorms`).
    """

    name: str
    cell: Cell
    inputs: Float[Tensor, "T B I"]
    state: State
    lengths: Int[Tensor, " B"] | None
    resets: Bool[Tensor, "T B"] | None
    norms: Float[Tensor, " T"] | None = field(default=None, repr=False)


class Probe(Engine):
    """Run cells as the model's own engine does, and keep what was run.

    The error norms come from the gradient records of the engine (`throughtime.engine.gradient_records`). Where the
    model's engine keeps none, `engine=bptt` runs in its place, and a step that it cannot trace is run by the plain loop
    with a hook on every state.

    Args:
        own: the engine of the model.
        names: the path of every cell in the model, by the cell.

    Attributes:
        runs: of all cells so far, in their order.
    """

    def __init__(self, own: Engine, names: dict[Cell, str]) -> None:
        super().__init__()
        self.delta_clip = own.delta_clip
        bptt = BackpropagationThroughTime()
        self._engines = (Fused(), bptt) if isinstance(own, Auto | Fused) else (bptt,)
        self._plain = Reference()
        for engine in (*self._engines, self._plain):
            engine.delta_clip = own.delta_clip
        self._names = names
        self.runs: list[CellRun] = []

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        if torch.is_grad_enabled() and not inputs.requires_grad:
            inputs = (
                inputs.detach().requires_grad_()
            )  # so that every run is part of the graph, frozen weights or not
        run = CellRun(
            self._names.get(cell, type(cell).__name__), cell, inputs, detach(state), lengths, resets
        )
        number = len(self.runs)
        self.runs.append(run)
        for engine in self._engines:
            if engine.unsupported_reason(cell, inputs, lengths, resets) is None:
                with number_within((number,)):
                    return engine.run(cell, inputs, state, lengths, resets)
        return self._plain.run(_HookedCell(run), inputs, state, lengths, resets)

    def backward(self, loss: Tensor, parameters: list[Tensor]) -> None:
        """Take the gradient of the loss once and fill in the `norms` of all runs; no `.grad` is changed.

        Args:
            loss: a number that was computed from the outputs of the runs; its graph is kept.
            parameters: all tensors that learn.
        """
        for run in self.runs:
            run.norms = torch.zeros(len(run.inputs), device=run.inputs.device)
        targets = [tensor for tensor in parameters if tensor.requires_grad]
        targets += [run.inputs for run in self.runs if run.inputs.is_leaf]
        with recording_by_number() as found:
            torch.autograd.grad(loss, targets, retain_graph=True, allow_unused=True)
            for number, run in enumerate(self.runs):
                if (number, 0) in found:
                    run.norms = found[number, 0].hidden.detach()


class _HookedCell(Cell):
    """A cell that writes the norm of the gradient of its state after every step into the record of its run."""

    def __init__(self, run: CellRun) -> None:
        super().__init__(run.cell.input_size, run.cell.hidden_size, run.cell.output_size)
        self.run, self.taken = run, 0
        self.wrapped = run.cell

    def initial_state(self, batch_size: int) -> State:
        return self.wrapped.initial_state(batch_size)

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return self.wrapped.project(inputs)

    def step(self, projected: Float[Tensor, "B G"], state: State) -> tuple[Float[Tensor, "B O"], State]:
        output, after = self.wrapped.step(projected, state)
        if after[0].requires_grad:
            after[0].register_hook(self._note(self.taken))
        self.taken += 1
        return output, after

    def _note(self, step: int) -> Callable[[Tensor], None]:
        def write(gradient: Tensor) -> None:
            self.run.norms[step] = gradient.detach().abs().norm()

        return write


@contextmanager
def probing(model: nn.Module) -> Iterator[Probe]:
    """Run all recurrences of a model by one `Probe` inside the block.

    Recurrences from the end of a sequence to its start, those of `Bidirectional.backwards`, are run but not kept: a lag
    from a late step has no meaning for them.
    """
    modules = [module for module in model.modules() if isinstance(getattr(module, "engine", None), Engine)]
    reverse = {
        id(part)
        for module in model.modules()
        if isinstance(module, Bidirectional)
        for part in module.backwards.modules()
    }
    names = {module: name for name, module in model.named_modules() if isinstance(module, Cell)}
    engines = [module.engine for module in modules]
    probe = Probe(engines[0] if engines else Reference(), names)
    for module in modules:
        if id(module) not in reverse:
            module.engine = probe
    try:
        yield probe
    finally:
        for module, engine in zip(modules, engines, strict=True):
            module.engine = engine
