"""Displays of a run's progress: a bar on a terminal, plain lines elsewhere."""

import re
from dataclasses import dataclass, field

from rich import progress
from rich.console import Console

SPEED = re.compile(r"speed/(\w+)_per_second")


@dataclass(frozen=True)
class Snapshot:
    """The progress of a run at one moment.

    Attributes:
        phase: training, validation or testing.
        step: optimiser steps so far, of `total` where that is known.
        fraction: the share of the run that is done, by steps or by time; None where neither is limited.
        elapsed, remaining: seconds in this process, and to the end.
        metrics: the latest metrics, by their names.
    """

    phase: str
    step: int
    total: int | None = None
    fraction: float | None = None
    elapsed: float = 0.0
    remaining: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


class PlainLines:
    """Print one plain line of at most 80 columns for each snapshot, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def show(self, snapshot: Snapshot) -> None:
        """Print the snapshot."""
        share = "" if snapshot.fraction is None else f" ({snapshot.fraction:.0%})"
        time = duration(snapshot.elapsed)
        if snapshot.remaining is not None:
            time += f", {duration(snapshot.remaining)} left"
        parts = [snapshot.phase, steps(snapshot) + share, *metrics(snapshot), time]
        self.console.print("  ".join(parts), soft_wrap=True, highlight=False, markup=False)

    def close(self) -> None:
        """Do nothing: no resource is held."""


class Bar:
    """Draw one progress bar, updated with each snapshot; it starts no thread, which would take time from training."""

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
            f"{duration(snapshot.elapsed)}"
            if snapshot.remaining is None
            else f"{duration(snapshot.remaining)} left"
        )
        parts = [steps(snapshot), *metrics(snapshot), time]
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
        """Stop; the last drawing stays on the terminal."""
        self.bar.stop()


def steps(snapshot: Snapshot) -> str:
    """The step, of the last one where there is one: 1,200/5,000."""
    return f"{snapshot.step:,}" if snapshot.total is None else f"{snapshot.step:,}/{snapshot.total:,}"


def metrics(snapshot: Snapshot) -> list[str]:
    """Each metric with its name; a speed as a whole number with its unit."""
    return [
        f"{value:,.0f} {speed[1]}/s" if (speed := SPEED.fullmatch(name)) else f"{name} {value:.4g}"
        for name, value in snapshot.metrics.items()
    ]


def duration(seconds: float) -> str:
    """A time in hours, minutes and seconds: 1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
