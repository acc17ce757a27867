"""Comparisons: pairs of variants of running a recurrence, by kind."""

from dataclasses import dataclass

from benchmarks.variants import MODULES, TORCH, Variant, make_cell
from throughtime.cell.linear_recurrence import LinearRecurrence

KINDS = {
    "torch": "fused against torch.nn (elman without its readout, gru, lstm)",
    "loop": "fused against the plain loop (all other cells)",
    "bptt": "bptt against the plain loop (all cells)",
    "lstm": "layernorm_lstm and zoneout against lstm, all fused",
    "scan": "a parallel scan against fused (linear recurrences)",
    "bf16": "bf16 against fp32, fused (H of 256 and more; elman, gru, lstm)",
    "auto": "auto against fused (all cells)",
    "compile": "processor seconds to compile a cell with a cold cache",
}
"""The kinds of comparison and what each compares."""

TIME_WEIGHTS = {"torch": 6, "loop": 6, "bptt": 4, "bf16": 2}  # 1 for the others
POOLED = {
    "loop": "fused / the plain loop",
    "bptt": "bptt / the plain loop",
    "bf16": "fused bf16 / fused",
    "auto": "auto / fused",
}
"""The kinds whose comparisons are also pooled over cells, and the name of the ratio."""

BF16_HIDDEN_SIZE = 256


@dataclass(frozen=True)
class Comparison:
    """Comparison of two variants: how many times as fast `ours` is as `theirs`.

    Attributes:
        kind: one of `KINDS`.
        ours, theirs: the variants.
        min_hidden_size: the smallest hidden size that is measured.
    """

    kind: str
    ours: Variant
    theirs: Variant
    min_hidden_size: int = 0

    def __str__(self) -> str:
        cell = self.ours.cell.rpartition("/")[2]
        if self.ours.cell != self.theirs.cell:
            return f"{cell}: {self.ours} / {self.theirs.cell} {self.theirs}"
        return f"{cell}: {self.ours} / {self.theirs}"


def comparisons(kinds: list[str], cells: list[str]) -> list[Comparison]:
    """All comparisons of these kinds for these cells, kind by kind."""
    makers = {
        "torch": lambda cell: (Variant(cell, "fused"), Variant(cell, TORCH)) if cell in MODULES else None,
        "loop": lambda cell: (
            (Variant(cell, "fused"), Variant(cell, "reference")) if cell not in MODULES else None
        ),
        "bptt": lambda cell: (Variant(cell, "bptt"), Variant(cell, "reference")),
        "lstm": lambda cell: (
            (Variant(cell, "fused"), Variant("lstm", "fused"))
            if cell in ("layernorm_lstm", "zoneout")
            else None
        ),
        "scan": lambda cell: (Variant(cell, "scan"), Variant(cell, "fused")) if _is_linear(cell) else None,
        "bf16": lambda cell: (
            (Variant(cell, "fused", True), Variant(cell, "fused")) if cell in MODULES else None
        ),
        "auto": lambda cell: (Variant(cell, "auto"), Variant(cell, "fused")),
    }
    pairs = [
        (kind, makers[kind](cell)) for kind in KINDS if kind in makers for cell in cells if kind in kinds
    ]
    return [
        Comparison(kind, *pair, BF16_HIDDEN_SIZE if kind == "bf16" else 0) for kind, pair in pairs if pair
    ]


def _is_linear(cell: str) -> bool:
    return isinstance(make_cell(cell, 8), LinearRecurrence)
