"""Matrix products of a run's rows with a cell's weights: the compiler's against torch's, and the share of the peak."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import describe, provenance
from benchmarks.peak import peak_flops
from throughtime.engine.bptt.mkldnn import OneDNNProducts
from throughtime.engine.compiler.runtime.gemm import outer_products, row_products
from throughtime.engine.compiler.runtime.linear_override import SMALLEST

ROWS, HIDDEN_SIZES, GATES = (64, 512, 2048, 8192), (64, 128, 256, 512, 1024), (1, 4)
QUICK = 4  # products
ENOUGH, MIN_ROUNDS, MAX_ROUNDS = 0.15, 3, 200  # seconds of rounds, and how many

Workload = Callable[[], Tensor]


@dataclass(frozen=True)
class Product:
    """A product of the rows of all steps with a weight, or of two matrices of rows.

    Attributes:
        kind: "rows", X W with X [R, K] and W [K, N], or "outer", Xᵀ D with D [R, N].
        rows: R, the steps times the lanes.
        features: K.
        columns: N.
    """

    kind: str
    rows: int
    features: int
    columns: int

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.features * self.columns

    def __str__(self) -> str:
        sizes = f"{self.rows}×{self.features}", f"{self.features}×{self.columns}"
        return " ".join(sizes) if self.kind == "rows" else f"({sizes[0]})ᵀ {self.rows}×{self.columns}"


def products(quick: bool) -> list[Product]:
    """The products of the cells' shapes that engine=fused leaves to no other library, those of few operations first."""
    found = [
        Product(kind, rows, hidden, gates * hidden)
        for kind in ("rows", "outer")
        for rows in ROWS
        for hidden in HIDDEN_SIZES
        for gates in GATES
        if kind == "outer" or rows * hidden * gates * hidden >= SMALLEST
    ]
    return sorted(found, key=lambda each: each.flops)[: QUICK if quick else None]


def workloads(product: Product) -> dict[str, Workload]:
    """The product by the compiler ("ours") and by each of torch's libraries, on the same matrices."""
    torch.manual_seed(0)
    left = torch.randn(product.rows, product.features)
    if product.kind == "outer":
        right = torch.randn(product.rows, product.columns)
        found = {"ours": lambda: outer_products(left, right)[0], "BLAS": lambda: torch.mm(left.t(), right)}
        if OneDNNProducts().available():
            found["oneDNN"] = lambda: OneDNNProducts().weight_gradient(left, right, False)[0]
        return found
    weight = torch.randn(product.columns, product.features)
    found = {
        "ours": lambda: row_products(left, weight.t()),
        "BLAS": lambda: torch.mm(left, weight.t()),
    }
    if OneDNNProducts().available():
        found["oneDNN"] = lambda: OneDNNProducts().forward(left, weight, None)
    return found


def measure(threads: list[int], quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Measure every product, all libraries in turns.

    Args:
        threads: numbers of threads of torch.
        quick: whether a few small products stand for all.
        log: is called with a line of progress before each number of threads.
    """
    found: dict[str, Any] = {"unit": "seconds", **provenance(), "peak_flops": {}, "rows": []}
    before = torch.get_num_threads()
    for number in threads:
        torch.set_num_threads(number)
        found["peak_flops"][number] = peak_flops(number)
        log(f"{number} threads: {found['peak_flops'][number] / 1e9:.0f} GFLOP/s")
        for product in products(quick):
            seconds = _median_seconds(workloads(product))
            found["rows"].append(
                {"threads": number, **asdict(product), "flops": product.flops, "seconds": seconds}
            )
    torch.set_num_threads(before)
    return found


def _median_seconds(sides: dict[str, Workload]) -> dict[str, float]:
    """The median seconds of each side, interleaved; a round before the first warms up."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for work in sides.values():
        work()
    end = time.perf_counter() + ENOUGH
    for count in range(MAX_ROUNDS):
        if count >= MIN_ROUNDS and time.perf_counter() > end:
            break
        for name, work in sides.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def table(found: dict[str, Any]) -> str:
    """A row for each product: the share of the peak, and how many times as fast as the best of torch's."""
    lines = []
    for number, peak in found["peak_flops"].items():
        rows = [row for row in found["rows"] if row["threads"] == number]
        title = f"{number} thread{'s' * (number > 1)}, peak {peak / 1e9:.0f} GFLOP/s"
        lines += ["", f"{title:<36}{'µs':>10}{'of the peak':>13}{'of torch best':>15}"]
        ratios = []
        for row in rows:
            ours = row["seconds"]["ours"]
            best = min(seconds for name, seconds in row["seconds"].items() if name != "ours")
            ratios.append(best / ours)
            name = str(Product(*(row[field] for field in ("kind", "rows", "features", "columns"))))
            share = row["flops"] / ours / peak
            lines.append(f"{name:<36}{1e6 * ours:>10.0f}{share:>12.0%} {best / ours:>15.2f}")
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines.append(f"{'geometric mean, and the worst':<59}{mean:>8.2f}{min(ratios):>7.2f}")
    return "\n".join([*lines[1:], "", describe(found)])
