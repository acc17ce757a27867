"""Summary of runs that differ in their seed or fold only: mean, spread, and the significance of differences."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from throughtime.errors import UserError
from throughtime.report.columns import REPETITIONS, columns, comparable, differing, option
from throughtime.report.record import Record

LEVEL = 0.05
BEST, WORSE, UNCLEAR, UNKNOWN = "best", "worse", "unclear", "–"


@dataclass(frozen=True)
class Spread:
    """The mean of `count` values and their standard deviation (n - 1); None for a single value."""

    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True)
class SummaryRow:
    """One configuration.

    Attributes:
        values: the settings in which the rows differ, by the keys of the columns.
        records: its runs, by seed.
        monitor, mode: the metric that is compared, and whether its "min" or "max" is best.
        metrics: each metric over the completed runs; of the monitored one the best value of each run, of the
            others the final one. Values that are not finite are left out.
        failed: runs that failed, or whose monitored metric was measured and never finite. A run without validation
            has none, and did not fail.
        unfinished: runs that were interrupted or are still running.
        parameters: of the model; None where no run has recorded it, or the runs differ in it.
        seconds: of training, the mean over the completed runs.
        verdict: in comparison with the best row of the same data set: best, worse, unclear, or – where a row has fewer
            than two values.
    """

    values: dict[str, Any]
    records: tuple[Record, ...]
    monitor: str
    mode: str
    metrics: dict[str, Spread]
    failed: int
    unfinished: int
    parameters: int | None
    seconds: float | None
    verdict: str = UNKNOWN

    @property
    def score(self) -> Spread | None:
        """The monitored metric."""
        return self.metrics.get(self.monitor)


def by_task(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Group runs whose scores can be compared: of one task, with one monitored metric."""
    records = list(records)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.task, record.monitor), []).append(record)
    tasks = [task for task, _ in groups]
    return {
        task if tasks.count(task) == 1 else f"{task} by {monitor}": group
        for (task, monitor), group in sorted(groups.items())
    }


def summary_rows(records: Sequence[Record], by: Sequence[str] | None = None) -> list[SummaryRow]:
    """Summarise each configuration in a row, the best first, those without a score last.

    Rows are judged within a data set, since scores on several cannot be compared: its rows stand together, and the data
    sets in the order in which the runs begin with them.

    Repetitions with the same configuration and seed add nothing to the estimate of the spread: of these the last
    completed one counts.

    Args:
        records: of one task and monitored metric (`by_task`), in any order.
        by: the columns that distinguish rows; None for all in which the runs differ.

    Raises:
        UserError: the runs are of several tasks or monitors, or a key of `by` is in none of them.
    """
    if len({(record.task, record.monitor, record.mode) for record in records}) > 1:
        raise UserError(
            "runs of several tasks, or with several monitored metrics, cannot be compared in one table"
        )
    keys = differing(records)
    records = _one_a_seed(records, keys)
    shown = columns(records, by)
    groups: dict[tuple, list[int]] = {}
    for place, record in enumerate(records):
        same = [column.values[place] for column in shown] if by else [comparable(record, key) for key in keys]
        groups.setdefault(tuple(same), []).append(place)
    rows = [
        _row({column.key: column.values[places[0]] for column in shown}, [records[place] for place in places])
        for places in groups.values()
    ]
    sets: dict[tuple, list[SummaryRow]] = {}
    for row in rows:
        sets.setdefault(_data_set(row.records[0]), []).append(row)
    return [row for members in sets.values() for row in judge(sorted(members, key=_order))]


DATA_SET = ("data.path", "data.length", "data.rule.", "data.source.")
"""Keys, and beginnings of keys, that tell one data set from another, besides the option of the group `data`."""


def _data_set(record: Record) -> tuple:
    """A text that two runs share where they were measured on the same data set."""
    keys = sorted(key for key in record.config if key.startswith(DATA_SET))
    return (option(record, "data"), *((key, comparable(record, key)) for key in keys))


def _one_a_seed(records: Sequence[Record], keys: Sequence[str]) -> list[Record]:
    """The last completed run (else the last) of each configuration, seed and fold, in the order of seeds."""
    kept: dict[tuple, Record] = {}
    for record in sorted(records, key=lambda record: (record.status == "completed", str(record.path))):
        kept[record.seed, *(comparable(record, key) for key in (*REPETITIONS, *keys))] = record
    return sorted(kept.values(), key=lambda record: (record.seed, str(record.path)))


def _row(values: dict[str, Any], records: Sequence[Record]) -> SummaryRow:
    completed = [record for record in records if record.status == "completed"]
    diverged = [
        record for record in completed if record.monitor in record.metrics and not _is_finite(record.best)
    ]
    names = dict.fromkeys(name for record in completed for name in record.metrics)
    monitor = records[0].monitor
    metrics = {monitor: spread([record.best for record in completed])} | {
        name: spread([record.metrics.get(name) for record in completed]) for name in names if name != monitor
    }
    sizes = {record.parameters for record in records if record.parameters}
    return SummaryRow(
        values=values,
        records=tuple(records),
        monitor=monitor,
        mode=records[0].mode,
        metrics={name: one for name, one in metrics.items() if one is not None},
        failed=sum(record.status == "failed" for record in records) + len(diverged),
        unfinished=sum(record.status in ("running", "interrupted") for record in records),
        parameters=sizes.pop() if len(sizes) == 1 else None,
        seconds=statistics.fmean(record.seconds for record in completed) if completed else None,
    )


def spread(values: Iterable[float | None]) -> Spread | None:
    """Mean, standard deviation (n - 1) and n of the finite values; None where there are none."""
    finite = [float(value) for value in values if _is_finite(value)]
    if not finite:
        return None
    deviation = statistics.stdev(finite) if len(finite) > 1 else None
    return Spread(statistics.fmean(finite), deviation, len(finite))


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _order(row: SummaryRow) -> tuple[bool, float]:
    if row.score is None:
        return (True, 0.0)
    return (False, row.score.mean if row.mode == "min" else -row.score.mean)


def judge(rows: Sequence[SummaryRow]) -> list[SummaryRow]:
    """Add to rows, in the order of their scores, their verdicts in comparison with the first.

    A row is worse than the best where the difference of their means exceeds its standard error t times:

        |m_i - m_b| > t_{1-α/(k-1), ν} √(s_i²/n_i + s_b²/n_b)

    with α = 0.05, k rows with a spread, and Welch's degrees of freedom ν (Welch 1947, Biometrika 34). The level
    is divided by the k - 1 comparisons because the best row was selected from the data: so the configuration that is
    truly best is called worse in at most one table of twenty (multiple comparisons with the best: Hsu 1984, Annals of
    Statistics 12). It assumes values that are approximately normal; with few seeds few differences are significant.
    """
    if not rows or rows[0].score is None:
        return list(rows)
    best = rows[0].score
    compared = sum(row.score is not None and row.score.deviation is not None for row in rows)
    judged = [replace(rows[0], verdict=BEST)]
    for row in rows[1:]:
        exceeds = None if row.score is None else exceeds_spread(row.score, best, LEVEL / max(compared - 1, 1))
        verdict = {None: UNKNOWN, True: WORSE, False: UNCLEAR}[exceeds]
        judged.append(replace(row, verdict=verdict))
    return judged


def exceeds_spread(one: Spread, other: Spread, level: float) -> bool | None:
    """Whether two means differ by more than chance (one-sided, at this level); None where a spread is not known."""
    if one.deviation is None or other.deviation is None:
        return None
    difference = abs(one.mean - other.mean)
    first, second = one.deviation**2 / one.count, other.deviation**2 / other.count
    if first + second == 0:
        return difference > 0
    freedom = (first + second) ** 2 / (first**2 / (one.count - 1) + second**2 / (other.count - 1))
    from scipy.special import stdtrit  # only here: the import takes half a second

    return bool(difference > stdtrit(freedom, 1 - level) * math.sqrt(first + second))
