"""What the progress of a run looks like: a bar on a terminal, plain lines elsewhere."""

from dataclasses import dataclass, field

from rich import progress
from rich.console import Console


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands.

    Attributes:
        phase: training, validation or testing.
        step: optimiser steps so far, of `total` where that is known.
        fraction: the share of the run that is done, by steps or by time; None where neither is limited.
        elapsed, remaining: seconds in this process, and to the end.
        measures: the latest metrics, by their names.
    """

    phase: str
    step: int
    total: int | None = None
    fraction: float | None = None
    elapsed: float = 0.0
    remaining: float | None = None
    measures: dict[str, float] = field(default_factory=dict)


class Lines:
    """One plain line for each snapshot, for logs and pipes; it fits into 80 columns."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def show(self, snapshot: Snapshot) -> None:
        """Print the snapshot."""
        share = "" if snapshot.fraction is None else f" ({snapshot.fraction:.0%})"
        time = clock(snapshot.elapsed)
        if snapshot.remaining is not None:
            time += f", {clock(snapshot.remaining)} left"
        parts = [snapshot.phase, steps(snapshot) + share, *measures(snapshot), time]
        self.console.print("  ".join(parts), soft_wrap=True, highlight=False, markup=False)

    def close(self) -> None:
        """Nothing stays open."""


class Bar:
    """One bar that is drawn anew for each snapshot. It has no thread: the cores belong to training."""

    def __init__(self, console: Console) -> None:
        self.bar = progress.Progress(
            "{task.description}",
            progress.BarColumn(bar_width=10),
            "{task.fields[text]}",
            console=console,
            auto_refresh=False,
        )
        self.task = self.bar.add_task("", total=None, text="")
        self.bar.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draw the snapshot."""
        time = (
            f"{clock(snapshot.elapsed)}"
            if snapshot.remaining is None
            else f"{clock(snapshot.remaining)} left"
        )
        parts = [steps(snapshot), *measures(snapshot), time]
        known = snapshot.fraction is not None
        self.bar.update(
            self.task,
            description=snapshot.phase,
            total=1.0 if known else None,
            completed=snapshot.fraction if known else 0.0,
            text=" · ".join(parts),
        )
        self.bar.refresh()

    def close(self) -> None:
        """Leave the last drawing on the terminal."""
        self.bar.stop()


def steps(snapshot: Snapshot) -> str:
    """1,200/5,000, or 1,200 where there is no last step."""
    return f"{snapshot.step:,}" if snapshot.total is None else f"{snapshot.step:,}/{snapshot.total:,}"


def measures(snapshot: Snapshot) -> list[str]:
    """Each metric with its name; a speed as a whole number with its unit."""
    return [
        f"{value:,.0f} tokens/s" if name == "speed/tokens_per_second" else f"{name} {value:.4g}"
        for name, value in snapshot.measures.items()
    ]


def clock(seconds: float) -> str:
    """1:02:03 or 2:03"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
