"""Run of the cases: draw each from the seed and its number, run it, and sum up."""

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fuzzing.applications import add_applications, applications_case
from fuzzing.case import Case, faults
from fuzzing.files import cache_case, data_case, run_case, sweep_case
from fuzzing.process import Limits, Outcome, check_single_thread, import_libraries
from fuzzing.sandbox import changes
from fuzzing.settings import options_case, settings_case
from fuzzing.shapes import shapes_case
from fuzzing.template import Template, make_template

KINDS: dict[str, Callable[[Template, random.Random], Case]] = {
    "settings": settings_case,
    "options": options_case,
    "data": data_case,
    "runs": run_case,
    "sweeps": sweep_case,
    "cache": cache_case,
    "applications": applications_case,
    "shapes": shapes_case,
}
"""The kinds of cases."""

ORDER = (
    *("settings", "runs", "data", "settings", "shapes", "settings", "runs", "data", "settings", "options"),
    *(
        "settings",
        "data",
        "applications",
        "settings",
        "shapes",
        "settings",
        "data",
        "runs",
        "settings",
        "sweeps",
    ),
    *("settings", "runs", "data", "settings", "shapes", "settings", "runs", "data", "settings", "options"),
    *(
        "settings",
        "data",
        "applications",
        "settings",
        "shapes",
        "settings",
        "data",
        "runs",
        "settings",
        "cache",
    ),
)
"""The kind of each case by its number, repeated."""

NEEDS_RUNS = frozenset(KINDS) - {"settings", "shapes"}


@dataclass
class Summary:
    """Counts of how the cases of one kind ended.

    Attributes:
        codes: exit codes; negative for signals.
        seconds: of all cases together.
        failed: numbers of the cases with a fault.
    """

    codes: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    failed: list[int] = field(default_factory=list)


def kind_of(number: int) -> str:
    """The kind of a case."""
    return ORDER[number % len(ORDER)]


def draw(template: Template, seed: int, number: int) -> Case:
    """The case of this number."""
    return KINDS[kind_of(number)](template, random.Random(f"{seed}/{number}"))


def run_one(template: Template, case: Case, limits: Limits) -> tuple[Outcome, list[str]]:
    """Run a case in a new sandbox; returns how it ended and its faults."""
    sandbox = template.sandbox
    sandbox.make(template.files, case.parts, template.kernels)
    if case.prepare is not None:
        template.in_child(lambda: case.prepare(sandbox.work))
    before = sandbox.snapshot()
    outcome = template.run(case.action, limits)
    changed = changes(before, sandbox.snapshot(), case.new, case.changed)
    return outcome, faults(case, outcome, changed, limits)


def fuzz(options: argparse.Namespace) -> int:
    """Run the cases that the command line asks for; returns 1 where one failed."""
    numbers: Sequence[int] = range(options.first, options.first + options.cases)
    if options.case is not None:
        numbers = options.case
    if options.only is not None:
        numbers = [number for number in numbers if kind_of(number) == options.only]
    with _folder(keep=options.case is not None) as root:
        import_libraries()
        check_single_thread()
        template = make_template(root, any(kind_of(number) in NEEDS_RUNS for number in numbers))
        if any(kind_of(number) == "applications" for number in numbers):
            add_applications(template)
        summaries = {kind: Summary() for kind in KINDS}
        started = time.monotonic()
        for number in numbers:
            if options.seconds is not None and time.monotonic() - started > options.seconds:
                break
            case = draw(template, options.seed, number)
            outcome, found = run_one(template, case, Limits())
            summary = summaries[kind_of(number)]
            summary.codes[outcome.code] += 1
            summary.seconds += outcome.seconds
            if found:
                summary.failed.append(number)
            if found or options.verbose or options.case is not None:
                print(described(options.seed, number, case, outcome, found), flush=True)
        print(table(summaries))
        print(f"{time.monotonic() - started:.0f} s")
    return int(any(summary.failed for summary in summaries.values()))


@contextmanager
def _folder(keep: bool) -> Iterator[Path]:
    """A new folder for all files, removed at the end unless it is kept."""
    root = tempfile.mkdtemp(prefix="fuzz-")
    try:
        yield Path(root)
    finally:
        if keep:
            print(f"the files are in {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)


def described(seed: int, number: int, case: Case, outcome: Outcome, found: Sequence[str]) -> str:
    """The report of one case: its faults, its last output, and the command that repeats it."""
    head = f"case {number}, {case.kind}: exit code {outcome.code}, {outcome.seconds:.1f} s: {case.title}"
    last = outcome.stderr.strip().splitlines()[-25:] if found else outcome.stderr.strip().splitlines()[-1:]
    lines = [head, *(f"  FAULT {one}" for one in found), *(f"  | {line[:300]}" for line in last)]
    if found:
        lines.append(f"  repeat: python scripts/fuzz.py --seed {seed} --case {number}")
    return "\n".join(lines)


def table(summaries: dict[str, Summary]) -> str:
    """A line for each kind: cases, exit codes, seconds a case, failures."""
    codes = sorted({code for summary in summaries.values() for code in summary.codes})
    head = f"{'kind':<14}{'cases':>7}" + "".join(f"{f'code {code}':>9}" for code in codes)
    lines = [f"{head}{'s/case':>8}{'failed':>8}"]
    for kind, summary in summaries.items():
        cases = summary.codes.total()
        counts = "".join(f"{summary.codes[code]:>9}" for code in codes)
        speed = summary.seconds / cases if cases else 0.0
        lines.append(f"{kind:<14}{cases:>7}{counts}{speed:>8.2f}{len(summary.failed):>8}")
    return "\n".join(lines)
