"""The shapes that cells are measured on, in an order that a limit of time cuts fairly."""

import itertools
from dataclasses import dataclass
from pathlib import Path

BYTES_A_NUMBER, NUMBERS_A_UNIT = 4, 40  # of each unit and step, what the plain loop of a large cell keeps


@dataclass(frozen=True)
class Shape:
    """B lanes of T steps, with H units and as many inputs."""

    lanes: int
    steps: int
    hidden_size: int

    def __str__(self) -> str:
        return f"B{self.lanes} T{self.steps} H{self.hidden_size}"

    @property
    def work(self) -> int:
        """What the products of a run cost, but for a constant."""
        return self.lanes * self.steps * self.hidden_size**2

    @property
    def bytes(self) -> int:
        """More than a run takes, with its gradient."""
        return BYTES_A_NUMBER * NUMBERS_A_UNIT * self.lanes * self.steps * self.hidden_size


LANES, STEPS, HIDDEN_SIZES = (1, 8, 32, 64), (64, 256, 1024), (64, 128, 256, 512, 1024)
QUICK = [Shape(*sizes) for sizes in itertools.product((1, 32), (64,), (64, 256))]


def ordered() -> list[Shape]:
    """All shapes in three layers, cheap ones first in each.

    A layer has every pair of lanes and hidden size once, and every number of steps about as often as the others, so
    that what a limit of time leaves out is a part of each row and column.
    """
    places = itertools.product(range(len(LANES)), range(len(STEPS)), range(len(HIDDEN_SIZES)))
    layered = [(sum(p) % len(STEPS), Shape(LANES[p[0]], STEPS[p[1]], HIDDEN_SIZES[p[2]])) for p in places]
    return [shape for _, shape in sorted(layered, key=lambda pair: (pair[0], pair[1].work))]


def expected_seconds(shape: Shape, known: dict[Shape, float]) -> float:
    """At most how long a shape takes, from those that are known; 0 when none is.

    Time grows no faster than the lanes, the steps and the square of the hidden size.
    """
    growths = {
        other: max(1, shape.lanes / other.lanes)
        * max(1, shape.steps / other.steps)
        * max(1, shape.hidden_size / other.hidden_size) ** 2
        for other in known
    }
    return min((seconds * growths[other] for other, seconds in known.items()), default=0.0)


def free_bytes() -> float:
    """The memory that is free on this machine; without an answer, no limit."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
