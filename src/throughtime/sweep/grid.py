"""Sweep over a grid: every combination of the values on the command line or in conf/sweep/.

jobs = values(key_1) × values(key_2) × …        the last key varies fastest
"""

import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.types import HydraContext
from omegaconf import DictConfig

from throughtime.errors import Interrupted, UserError
from throughtime.sweep.job import COMPLETED, Job, outcome_of
from throughtime.sweep.launch import launch
from throughtime.sweep.session import Session, begin
from throughtime.sweep.summarise import resume_command, summarise

LARGEST_GRID = 10_000
"""The most jobs that a grid may have."""


def sweep_grid(
    context: HydraContext, config: DictConfig, params: Mapping[str, Any], arguments: Sequence[str]
) -> None:
    """Plan the jobs, or read the plan of a resumed sweep; run them; compare them.

    Args:
        params: swept keys and their values in Hydra's syntax (`1,2,3`, `range(1,4)`), as conf/sweep/ gives them.
        arguments: the user's overrides, which take precedence over `params`.

    Raises:
        UserError: an error that concerns the whole sweep; a new sweep leaves no file behind.
        Interrupted: a signal came, and the running jobs have saved their state.
        SystemExit: with 1, where a job failed.
    """
    session = begin(context, config)
    if session.record is None:
        jobs = plan_grid(session, [*(f"{key}={value}" for key, value in params.items()), *arguments])
        session.claim()
        for job in jobs:
            session.add(job)
        session.write(jobs=len(jobs))
    jobs = session.jobs()
    complete = sum(outcome_of(job, session.folder).status == COMPLETED for job in jobs)
    print(
        f"sweep: {len(jobs)} jobs{f', {complete} complete' if complete else ''}, {session.folder}", flush=True
    )
    try:
        launch(session, jobs)
    except Interrupted:
        print(resume_command(session.folder), flush=True)
        raise
    code = summarise(session.folder, session.created)
    if code:
        sys.exit(code)


def plan_grid(session: Session, arguments: Sequence[str]) -> list[Job]:
    """Compose the jobs of the grid, each configuration once, before any of them starts.

    Raises:
        UserError: a sweep that is no grid.
        HydraException, OmegaConfBaseException: one of them does not compose.
    """
    parser = OverridesParser.create(config_loader=session.context.config_loader)
    values = {one.get_key_element(): one for one in parser.parse_overrides(list(arguments))}
    swept = [key for key, one in values.items() if one.is_sweep_override()]
    size = math.prod(map(_count, values.values()))
    if size > LARGEST_GRID:
        raise UserError(
            f"{' '.join(values[key].input_line for key in swept)}: these are {size:,} jobs, and a grid has at most "
            f"{LARGEST_GRID:,}; give fewer values, or search them with sweep=optuna"
        )
    jobs: dict[str, Job] = {}
    for combination in itertools.product(*map(_choices, values.values())):
        label = " ".join(one for key, one in zip(values, combination, strict=True) if key in swept)
        job = session.compose(len(jobs), combination, label)
        jobs.setdefault(job.identity, job)
    return list(jobs.values())


def _count(override: Override) -> int:
    """The number of values of a key, counted without listing a range; 1 for what is no list of values."""
    if not override.is_discrete_sweep():
        return 1
    swept = override.value()
    if isinstance(swept, RangeSweep) and swept.start is not None and swept.stop is not None and swept.step:
        return max(0, math.ceil((swept.stop - swept.start) / swept.step))
    return sum(1 for _ in itertools.islice(override.sweep_string_iterator(), LARGEST_GRID + 1))


def _choices(override: Override) -> list[str]:
    """Each value of a swept key as an override of its own."""
    if not override.is_sweep_override():
        return [override.input_line]
    key = override.get_key_element()
    if not override.is_discrete_sweep():
        raise UserError(
            f"{override.input_line}: a grid needs single values, such as {key}=0.1,0.01 or {key}=range(1,4); "
            "sweep=optuna searches an interval"
        )
    return [f"{key}={value}" for value in override.sweep_string_iterator()]
