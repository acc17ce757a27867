"""Blocked loop over time: run a step's graph over a sequence in blocks of steps that stay in the processor's caches."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor
from torch.fx import GraphModule

from throughtime.engine.bptt.hoist import hoist
from throughtime.engine.bptt.step_loop import StepLoop
from throughtime.engine.bptt.workspace import Workspace, empty_like

BLOCK_NUMBERS = 1 << 21  # numbers of the widest row that a block holds
COPIED_NUMBERS = 1 << 11  # numbers of a row that are copied in less time than a tensor for the row is made
COPIED_STEPS = 32  # the most steps in a block of rows that are copied

CutHook = Callable[[int, list[Tensor]], None]
"""(step, carried tensors [B, ...] each): changes in place the tensors carried into a step that begins a block."""


class BlockedLoop:
    """The loop of a step (fixed, rows, carried) -> (carried, results) over time, forward or in reverse.

    Args:
        module: the step.
        fixed: the number of inputs that are the same at every step.
        carried: the number of inputs, the last ones, that come from the step before.
        lanes: the number of lanes that the graph was traced with.
        reverse: whether the loop runs from the last step to the first.

    Attributes:
        hoisted: the step, split into prologue, body and epilogue.
        prologue, body, epilogue: the loops of these parts over a block.
    """

    def __init__(
        self, module: GraphModule, fixed: int, carried: int, lanes: int, reverse: bool = False
    ) -> None:
        self.hoisted = hoist(module, fixed, carried, lanes)
        self.prologue = StepLoop(self.hoisted.prologue, fixed, 0, lanes)
        self.body = StepLoop(self.hoisted.body, fixed, carried, lanes)
        self.epilogue = StepLoop(self.hoisted.epilogue, fixed, 0, lanes)
        self.reverse, self.lanes = reverse, lanes

    def run(
        self,
        fixed: Sequence[Tensor],
        rows: Sequence[Tensor],
        first: Sequence[Tensor],
        cuts: Sequence[int] = (),
        on_cut: CutHook | None = None,
        keep_carried: bool = False,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor | None]]:
        """Run all steps.

        Args:
            fixed: tensors that are the same at every step.
            rows: `[T, B, ...]` each.
            first: the tensors carried into the first step that is run.
            cuts: steps at which a block begins.
            on_cut: called at every one of them, forward before the step, in reverse after it.
            keep_carried: whether the carried tensors of all steps are wanted.

        Returns:
            the results of all steps `[T, ...]`, or their sums over the lanes of all steps; the tensors carried in
            the end; and those carried before and after every step `[T + 1, B, ...]`, if they were wanted.
        """
        run = _Run(self, fixed, rows, first, cuts, keep_carried)
        for start, stop in run.blocks:
            if not self.reverse and on_cut is not None and start in run.cuts:
                on_cut(start, run.carried)
            run.block(start, stop)
            if self.reverse and on_cut is not None and start in run.cuts:
                on_cut(start, run.carried)
        return run.results(), run.carried, run.histories


class _Run:
    """One run of a blocked loop."""

    def __init__(
        self,
        loop: BlockedLoop,
        fixed: Sequence[Tensor],
        rows: Sequence[Tensor],
        first: Sequence[Tensor],
        cuts: Sequence[int],
        keep_carried: bool,
    ) -> None:
        self._loop, self._fixed, self._rows = loop, list(fixed), list(rows)
        self._steps, self._lanes = rows[0].shape[:2]
        self._results = dict.fromkeys(loop.hoisted.results)
        self.cuts = frozenset(cuts)
        self.carried = [part.clone() for part in first]
        widest = max(row[0].numel() for row in (*rows, *(part[None] for part in first)))
        copied = widest <= COPIED_NUMBERS
        self._length = max(
            1, min(BLOCK_NUMBERS // max(widest, 1), COPIED_STEPS if copied else self._steps, self._steps)
        )
        self.blocks = self._cut(self._length)
        self._workspace = Workspace()
        self._copy_block: _Block | None = None
        if copied and len(self.blocks) > 1:
            rows = [empty_like(row, self._length, *row.shape[1:]) for row in self._rows]
            carried = [empty_like(part, self._length + 1, *part.shape) for part in self.carried]
            self._copy_block = _Block(loop, self._fixed, rows, carried, {}, self._workspace)
        wanted = {index for kind, index in self._results if kind in ("carried", "next")}
        self.histories = [
            empty_like(part, self._steps + 1, *part.shape) if keep_carried or index in wanted else None
            for index, part in enumerate(first)
        ]
        self._whole: dict[tuple[str, int], Tensor] = {}

    def _cut(self, length: int) -> list[tuple[int, int]]:
        blocks = [
            (start, min(start + length, last))
            for first, last in pairwise(sorted({0, *self.cuts, self._steps}))
            for start in range(first, last, length)
        ]
        return blocks[::-1] if self._loop.reverse else blocks

    def block(self, start: int, stop: int) -> None:
        """Run the steps from `start` to before `stop`."""
        count, rows = stop - start, [row[start:stop] for row in self._rows]
        copied = self._copy_block is not None and count == self._length
        if copied:
            block = self._copy_block
            for place, row in zip(block.rows, rows, strict=True):
                place.copy_(row)
        else:
            carried = [
                self._workspace(("carried", index), part, count + 1, *part.shape)
                if history is None
                else history[start : stop + 1]
                for index, (part, history) in enumerate(zip(self.carried, self.histories, strict=True))
            ]
            kept = self._result_places(start, stop)
            block = _Block(self._loop, self._fixed, rows, carried, kept, self._workspace)
        enter, leave = (count, 0) if self._loop.reverse else (0, count)
        for place, part in zip(block.carried, self.carried, strict=True):
            place[enter].copy_(part)
        block.run()
        self._keep(block, start, stop, copied)
        # Later steps may change them, but not the tensors that were kept.
        self.carried = [place[leave].clone() for place in block.carried]

    def _result_places(self, start: int, stop: int) -> dict[tuple[str, int], Tensor]:
        """The memory for results of these steps, as far as it is allocated by now."""
        return {key: whole[start:stop] for key, whole in self._whole.items() if not self._is_sum(key)}

    def _is_sum(self, key: tuple[str, int]) -> bool:
        return key[0] == "epilogue" and key[1] in self._loop.hoisted.sums

    def _keep(self, block: "_Block", start: int, stop: int, copied: bool) -> None:
        """Keep those tensors of a block that are wanted in the end."""
        for history, place in zip(self.histories, block.carried, strict=True):
            if history is not None and copied:
                history[start : stop + 1] = place
        for key in self._results:
            kind, index = key
            if self._is_sum(key):
                part = block.found[kind][index][0]
                self._whole[key] = self._whole[key].add_(part) if key in self._whole else part.clone()
            elif kind in ("prologue", "stored", "epilogue") or (kind == "next" and self.cuts):
                part = block.found[kind][index]
                if key not in self._whole:
                    if len(self.blocks) == 1:
                        self._whole[key] = part
                        continue
                    self._whole[key] = empty_like(part, self._steps, *part.shape[1:])
                whole = self._whole[key][start:stop]
                if whole.data_ptr() != part.data_ptr():  # not written there already
                    whole.copy_(part)

    def results(self) -> list[Tensor]:
        """The results of all steps."""
        found = []
        for kind, index in self._loop.hoisted.results:
            if (kind, index) in self._whole:
                found.append(self._whole[kind, index])
            elif kind == "rows":
                found.append(self._rows[index])
            else:
                ahead = (kind == "next") == self._loop.reverse
                found.append(self.histories[index][:-1] if ahead else self.histories[index][1:])
        return found


class _Block:
    """A block of steps: its memory, and the loops bound to it.

    Args:
        loop: the loop over all blocks.
        fixed: tensors that are the same at every step.
        rows: `[K, B, ...]` each.
        carried: `[K + 1, B, ...]` each, before and after every step.
        kept: memory for some results.
        workspace: memory for everything else.
    """

    def __init__(
        self,
        loop: BlockedLoop,
        fixed: list[Tensor],
        rows: list[Tensor],
        carried: list[Tensor],
        kept: dict[tuple[str, int], Tensor],
        workspace: Workspace,
    ) -> None:
        self.rows, self.carried = rows, carried
        ahead, behind = [part[:-1] for part in carried], [part[1:] for part in carried]
        before, after = (behind, ahead) if loop.reverse else (ahead, behind)
        steps, lanes = rows[0].shape[:2]

        def allocate(kind: str, examples: list[Tensor]) -> list[Tensor]:
            found = []
            for index, example in enumerate(examples):
                is_sum = kind == "epilogue" and index in loop.hoisted.sums
                has_lanes = example.dim() > 0 and example.shape[0] == loop.lanes
                shape = (
                    1 if is_sum else steps,
                    *((lanes, *example.shape[1:]) if has_lanes else example.shape),
                )
                place = kept.get((kind, index))
                found.append(
                    workspace((kind, index), rows[0], *shape, dtype=example.dtype) if place is None else place
                )
            return found

        def flat(parts: list[Tensor]) -> list[Tensor]:
            return [part.flatten(0, 1)[None] for part in parts]

        prologue = allocate("prologue", loop.prologue.examples)
        stored = allocate("stored", loop.body.examples)
        for index, (whole, axis, start, size) in loop.body.aliases.items():
            stored[index] = stored[whole].narrow(axis % loop.body.examples[whole].dim() + 1, start, size)
        epilogue = allocate("epilogue", loop.epilogue.examples)
        self.found = {"prologue": prologue, "stored": stored, "epilogue": epilogue, "next": after}
        self._prologue = loop.prologue.prepare(fixed, flat(rows), [], [], flat(prologue), workspace)
        self._body = loop.body.prepare(fixed, [*rows, *prologue], before, after, stored, workspace)
        given = flat([*rows, *prologue, *before, *stored])
        sums = loop.hoisted.sums
        ends = [part if index in sums else part.flatten(0, 1)[None] for index, part in enumerate(epilogue)]
        self._epilogue = loop.epilogue.prepare(fixed, given, [], [], ends, workspace)
        self._order = slice(None, None, -1) if loop.reverse else slice(None)

    def run(self) -> None:
        """Run all steps of the block."""
        self._prologue(slice(None))
        self._body(self._order)
        self._epilogue(slice(None))
