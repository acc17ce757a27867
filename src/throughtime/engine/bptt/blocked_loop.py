"""A step's graph run over a whole sequence, in blocks of steps whose numbers stay in the processor's caches."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor
from torch.fx import GraphModule

from throughtime.engine.bptt.hoist import stages
from throughtime.engine.bptt.step_loop import Stepping
from throughtime.engine.bptt.workspace import Room, empty

BLOCK = 1 << 21  # numbers of the widest row that a block holds
SHORT = 1 << 11  # numbers of a row that are copied in less time than a tensor for the row is made
LONGEST = 32  # steps in a block of rows that are copied

Border = Callable[[int, list[Tensor]], None]
"""(step, carried [B, ...] each) changes what is carried into a step that begins a block, in place."""


class Traversal:
    """Runs a step (fixed, rows, carried) -> (carried, results) from the first step to the last, or back.

    Args:
        module: the step.
        fixed: how many inputs are the same at every step.
        carried: how many inputs, the last ones, come from the step before.
        lanes: the number of lanes that the graph was made with.
        back: whether from the last step to the first.
    """

    def __init__(self, module: GraphModule, fixed: int, carried: int, lanes: int, back: bool = False) -> None:
        self.stages = stages(module, fixed, carried, lanes)
        self.early = Stepping(self.stages.early, fixed, 0, lanes)
        self.during = Stepping(self.stages.during, fixed, carried, lanes)
        self.late = Stepping(self.stages.late, fixed, 0, lanes)
        self.back, self.lanes = back, lanes

    def run(
        self,
        fixed: Sequence[Tensor],
        rows: Sequence[Tensor],
        first: Sequence[Tensor],
        cuts: Sequence[int] = (),
        border: Border | None = None,
        whole: bool = False,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor | None]]:
        """Run all steps.

        Args:
            fixed: what is the same at every step.
            rows: `[T, B, ...]` each.
            first: what is carried into the first step that is run.
            cuts: steps at which a block begins.
            border: called at every one of them, on the way forward before the step, on the way back after it.
            whole: whether the carried tensors of all steps are wanted.

        Returns:
            the results of all steps `[T, ...]`, or their sums over the lanes of all steps; what is carried in the
            end; and what is carried before and after every step `[T + 1, B, ...]`, where that was wanted.
        """
        run = _Run(self, fixed, rows, first, cuts, whole)
        for start, stop in run.blocks:
            if not self.back and border is not None and start in run.cuts:
                border(start, run.carried)
            run.block(start, stop)
            if self.back and border is not None and start in run.cuts:
                border(start, run.carried)
        return run.results(), run.carried, run.histories


class _Run:
    """One run of a traversal."""

    def __init__(
        self,
        traversal: Traversal,
        fixed: Sequence[Tensor],
        rows: Sequence[Tensor],
        first: Sequence[Tensor],
        cuts: Sequence[int],
        whole: bool,
    ) -> None:
        self._of, self._fixed, self._rows = traversal, list(fixed), list(rows)
        self._steps, self._lanes = rows[0].shape[:2]
        self._results = dict.fromkeys(traversal.stages.results)
        self.cuts = frozenset(cuts)
        self.carried = [part.clone() for part in first]
        widest = max(row[0].numel() for row in (*rows, *(part[None] for part in first)))
        short = widest <= SHORT
        self._length = max(1, min(BLOCK // max(widest, 1), LONGEST if short else self._steps, self._steps))
        self.blocks = self._cut(self._length)
        self._memory = Room()
        self._room: _Block | None = None
        if short and len(self.blocks) > 1:
            rows = [empty(row, self._length, *row.shape[1:]) for row in self._rows]
            carried = [empty(part, self._length + 1, *part.shape) for part in self.carried]
            self._room = _Block(traversal, self._fixed, rows, carried, {}, self._memory)
        wanted = {index for kind, index in self._results if kind in ("carried", "next")}
        self.histories = [
            empty(part, self._steps + 1, *part.shape) if whole or index in wanted else None
            for index, part in enumerate(first)
        ]
        self._whole: dict[tuple[str, int], Tensor] = {}

    def _cut(self, length: int) -> list[tuple[int, int]]:
        blocks = [
            (start, min(start + length, last))
            for first, last in pairwise(sorted({0, *self.cuts, self._steps}))
            for start in range(first, last, length)
        ]
        return blocks[::-1] if self._of.back else blocks

    def block(self, start: int, stop: int) -> None:
        """Run the steps from `start` to before `stop`."""
        count, rows = stop - start, [row[start:stop] for row in self._rows]
        copied = self._room is not None and count == self._length
        if copied:
            room = self._room
            for place, row in zip(room.rows, rows, strict=True):
                place.copy_(row)
        else:
            carried = [
                self._memory(("carried", index), part, count + 1, *part.shape)
                if history is None
                else history[start : stop + 1]
                for index, (part, history) in enumerate(zip(self.carried, self.histories, strict=True))
            ]
            kept = self._kept(start, stop)
            room = _Block(self._of, self._fixed, rows, carried, kept, self._memory)
        enter, leave = (count, 0) if self._of.back else (0, count)
        for place, part in zip(room.carried, self.carried, strict=True):
            place[enter].copy_(part)
        room.run()
        self._keep(room, start, stop, copied)
        # What comes next may change it, and not what was kept.
        self.carried = [place[leave].clone() for place in room.carried]

    def _kept(self, start: int, stop: int) -> dict[tuple[str, int], Tensor]:
        """Where results of these steps are kept, as far as that is known by now."""
        return {key: whole[start:stop] for key, whole in self._whole.items() if not self._is_sum(key)}

    def _is_sum(self, key: tuple[str, int]) -> bool:
        return key[0] == "late" and key[1] in self._of.stages.sums

    def _keep(self, room: "_Block", start: int, stop: int, copied: bool) -> None:
        """Put away what of a block is wanted in the end."""
        for history, place in zip(self.histories, room.carried, strict=True):
            if history is not None and copied:
                history[start : stop + 1] = place
        for key in self._results:
            kind, index = key
            if self._is_sum(key):
                part = room.found[kind][index][0]
                self._whole[key] = self._whole[key].add_(part) if key in self._whole else part.clone()
            elif kind in ("early", "stored", "late") or (kind == "next" and self.cuts):
                part = room.found[kind][index]
                if key not in self._whole:
                    if len(self.blocks) == 1:
                        self._whole[key] = part
                        continue
                    self._whole[key] = empty(part, self._steps, *part.shape[1:])
                whole = self._whole[key][start:stop]
                if whole.data_ptr() != part.data_ptr():  # it was not written there
                    whole.copy_(part)

    def results(self) -> list[Tensor]:
        """The results of all steps."""
        found = []
        for kind, index in self._of.stages.results:
            if (kind, index) in self._whole:
                found.append(self._whole[kind, index])
            elif kind == "rows":
                found.append(self._rows[index])
            else:
                ahead = (kind == "next") == self._of.back
                found.append(self.histories[index][:-1] if ahead else self.histories[index][1:])
        return found


class _Block:
    """Memory of a block of steps, and what is done with it.

    Args:
        rows: `[K, B, ...]` each.
        carried: `[K + 1, B, ...]` each, before and after every step.
        kept: where some results go.
        room: memory for all else.
    """

    def __init__(
        self,
        traversal: Traversal,
        fixed: list[Tensor],
        rows: list[Tensor],
        carried: list[Tensor],
        kept: dict[tuple[str, int], Tensor],
        room: Room,
    ) -> None:
        self.rows, self.carried = rows, carried
        ahead, behind = [part[:-1] for part in carried], [part[1:] for part in carried]
        before, after = (behind, ahead) if traversal.back else (ahead, behind)
        steps, lanes = rows[0].shape[:2]

        def memory_of(kind: str, examples: list[Tensor]) -> list[Tensor]:
            found = []
            for index, example in enumerate(examples):
                alone = kind == "late" and index in traversal.stages.sums
                of_lanes = example.dim() > 0 and example.shape[0] == traversal.lanes
                shape = (1 if alone else steps, *((lanes, *example.shape[1:]) if of_lanes else example.shape))
                place = kept.get((kind, index))
                found.append(
                    room((kind, index), rows[0], *shape, dtype=example.dtype) if place is None else place
                )
            return found

        def together(parts: list[Tensor]) -> list[Tensor]:
            return [part.flatten(0, 1)[None] for part in parts]

        early = memory_of("early", traversal.early.examples)
        stored = memory_of("stored", traversal.during.examples)
        for index, (whole, axis, start, size) in traversal.during.aliases.items():
            stored[index] = stored[whole].narrow(
                axis % traversal.during.examples[whole].dim() + 1, start, size
            )
        late = memory_of("late", traversal.late.examples)
        self.found = {"early": early, "stored": stored, "late": late, "next": after}
        self._early = traversal.early.prepare(fixed, together(rows), [], [], together(early), room)
        self._during = traversal.during.prepare(fixed, [*rows, *early], before, after, stored, room)
        given = together([*rows, *early, *before, *stored])
        sums = traversal.stages.sums
        ends = [part if index in sums else part.flatten(0, 1)[None] for index, part in enumerate(late)]
        self._late = traversal.late.prepare(fixed, given, [], [], ends, room)
        self._order = slice(None, None, -1) if traversal.back else slice(None)

    def run(self) -> None:
        """All steps."""
        self._early(slice(None))
        self._during(self._order)
        self._late(slice(None))
