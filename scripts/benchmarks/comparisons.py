"""What is compared with what: pairs of ways to run a recurrence."""

from dataclasses import dataclass

from benchmarks.ways import MODULES, TORCH, Way, some_cell
from throughtime.cell.linear_recurrence import LinearRecurrence

KINDS = {
    "torch": "fused against torch.nn (elman without its readout, gru, lstm)",
    "loop": "fused against the plain loop (all other cells)",
    "bptt": "bptt against the plain loop (all cells)",
    "lstm": "layernorm_lstm and zoneout against lstm, all fused",
    "scan": "a parallel scan against fused (linear recurrences)",
    "bf16": "bf16 against fp32, fused (H of 256 and more; elman, gru, lstm)",
    "auto": "auto against fused (all cells)",
    "compile": "seconds to compile a cell with a cold cache",
}
SHARES = {"torch": 6, "loop": 6, "bptt": 4, "bf16": 2}  # of the time; the others get 1
TOGETHER = {
    "loop": "fused / the plain loop",
    "bptt": "bptt / the plain loop",
    "bf16": "fused bf16 / fused",
    "auto": "auto / fused",
}
BF16_HIDDEN_SIZE = 256


@dataclass(frozen=True)
class Comparison:
    """How many times as fast `ours` is as `theirs`.

    Attributes:
        kind: one of `KINDS`.
        least: the smallest hidden size that is measured.
    """

    kind: str
    ours: Way
    theirs: Way
    least: int = 0

    def __str__(self) -> str:
        cell = self.ours.cell.rpartition("/")[2]
        if self.ours.cell != self.theirs.cell:
            return f"{cell}: {self.ours} / {self.theirs.cell} {self.theirs}"
        return f"{cell}: {self.ours} / {self.theirs}"


def comparisons(kinds: list[str], cells: list[str]) -> list[Comparison]:
    """All comparisons of these kinds for these cells, kind by kind."""
    makers = {
        "torch": lambda cell: (Way(cell, "fused"), Way(cell, TORCH)) if cell in MODULES else None,
        "loop": lambda cell: (Way(cell, "fused"), Way(cell, "reference")) if cell not in MODULES else None,
        "bptt": lambda cell: (Way(cell, "bptt"), Way(cell, "reference")),
        "lstm": lambda cell: (
            (Way(cell, "fused"), Way("lstm", "fused")) if cell in ("layernorm_lstm", "zoneout") else None
        ),
        "scan": lambda cell: (Way(cell, "scan"), Way(cell, "fused")) if _is_linear(cell) else None,
        "bf16": lambda cell: (Way(cell, "fused", True), Way(cell, "fused")) if cell in MODULES else None,
        "auto": lambda cell: (Way(cell, "auto"), Way(cell, "fused")),
    }
    pairs = [
        (kind, makers[kind](cell)) for kind in KINDS if kind in makers for cell in cells if kind in kinds
    ]
    return [
        Comparison(kind, *pair, BF16_HIDDEN_SIZE if kind == "bf16" else 0) for kind, pair in pairs if pair
    ]


def _is_linear(cell: str) -> bool:
    return isinstance(some_cell(cell, 8), LinearRecurrence)
