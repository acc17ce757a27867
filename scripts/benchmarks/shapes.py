"""Shapes that cells are measured on, ordered so that a time limit leaves out a part of each kind of shape."""

import itertools
from dataclasses import dataclass
from pathlib import Path

BYTES_A_NUMBER, NUMBERS_A_UNIT = 4, 40  # saved by the plain loop of a large cell, for each unit and step


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
        """Cost of a run's matrix products, up to a constant factor."""
        return self.lanes * self.steps * self.hidden_size**2

    @property
    def bytes(self) -> int:
        """Upper bound of the bytes of a run with its gradient."""
        return BYTES_A_NUMBER * NUMBERS_A_UNIT * self.lanes * self.steps * self.hidden_size


LANES, STEPS, HIDDEN_SIZES = (1, 8, 32, 64), (64, 256, 1024), (64, 128, 256, 512, 1024)
QUICK = [Shape(*sizes) for sizes in itertools.product((1, 32), (64,), (64, 256))]


def ordered() -> list[Shape]:
    """All shapes in three layers, in ascending cost within each.

    A layer has every pair of lanes and hidden size once, and every number of steps about as often as the others, so
    that what a limit of time leaves out is a part of each row and column.
    """
    places = itertools.product(range(len(LANES)), range(len(STEPS)), range(len(HIDDEN_SIZES)))
    layered = [(sum(p) % len(STEPS), Shape(LANES[p[0]], STEPS[p[1]], HIDDEN_SIZES[p[2]])) for p in places]
    return [shape for _, shape in sorted(layered, key=lambda pair: (pair[0], pair[1].work))]


def expected_seconds(shape: Shape, known: dict[Shape, float]) -> float:
    """Upper bound of the seconds of a shape, from those of measured shapes; 0 if there are none.

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
    """Bytes of free memory on this machine; infinity where it cannot be read."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
