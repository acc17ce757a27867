"""Samplers of a search: the next trial as a function of the seed, the trial's number and the trials before it.

Optuna's samplers draw from one stream of random numbers, so a resumed search would propose other points than an
uninterrupted one. Here every trial has a stream of its own, derived from the seed and its number (and, for keys that
are drawn independently, from their names), so that its values do not depend on interruptions.
"""

import hashlib
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from throughtime.errors import UserError, check_choice
from throughtime.search.cmaes import CmaEs
from throughtime.search.space import Space

SAMPLERS = ("tpe", "random", "grid", "cmaes")
LARGEST_GRID = 100_000


def build_sampler(
    name: str, seed: int, space: Space, objectives: int = 1, startup_trials: int = 5, grid_points: int = 3
) -> BaseSampler:
    """The sampler of a search.

    Args:
        name: `tpe` (Bergstra et al. 2011, with all keys drawn together), `random`, `grid`, or `cmaes`
            (Hansen 2016; keys without an order are drawn at random).
        seed: of all random numbers.
        space: the distribution of each key.
        objectives: their number; CMA-ES takes one.
        startup_trials: random trials before `tpe` and `cmaes` learn from them.
        grid_points: values of a range without steps in a grid.

    Raises:
        UserError: the name is not known, or the sampler does not fit the space or the objectives.
    """
    check_choice(SAMPLERS, **{"sweep.sampler": name})
    if name == "grid":
        return Grid(space, seed, grid_points)
    if name == "cmaes":
        _check_cmaes(space, objectives)
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": lambda own: TPESampler(seed=own, n_startup_trials=startup_trials),
        "random": lambda own: RandomSampler(seed=own),
        "cmaes": lambda own: CmaEs(own, startup_trials),
    }
    return StreamPerTrial(makers[name], seed)


class StreamPerTrial(BaseSampler):
    """Sampler that draws each trial with a new sampler of its own seed.

    Args:
        make: creates a sampler of a given seed.
        seed: of the whole search.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make = make
        self._seed = seed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._make(0).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler_of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._sampler_of(trial, param_name).sample_independent(
            study, trial, param_name, param_distribution
        )

    def _sampler_of(self, trial: FrozenTrial, key: str = "") -> BaseSampler:
        digest = hashlib.sha256(f"{self._seed} {trial.number} {key}".encode()).digest()
        return self._make(int.from_bytes(digest[:4], "big"))


class Grid(BaseSampler):
    """Sampler of every combination once, in random order, so that an unfinished grid is spread over the space.

    Args:
        space: the distribution of each key.
        seed: of the order.
        points: values of a range without steps, evenly spaced (in the logarithm where it is logarithmic).

    Attributes:
        size: the number of combinations.

    Raises:
        UserError: there are more combinations than a search can try.
    """

    def __init__(self, space: Space, seed: int, points: int) -> None:
        values = [_grid_values(one, points) for one in space.values()]
        self.size = math.prod(len(one) for one in values)
        if self.size > LARGEST_GRID:
            raise UserError(
                f"sweep.sampler=grid: the space has {self.size:,} combinations; give its ranges fewer steps"
            )
        self._keys = list(space)
        self._combinations = list(itertools.product(*values))
        self._order = np.random.default_rng(seed).permutation(self.size)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._combinations[self._order[trial.number % self.size]][self._keys.index(param_name)]


def _grid_values(one: BaseDistribution, points: int) -> list[Any]:
    """The values of one key in a grid."""
    if isinstance(one, CategoricalDistribution):
        return list(one.choices)
    assert isinstance(one, IntDistribution | FloatDistribution)
    if one.step is not None and not one.log:
        count = round((one.high - one.low) / one.step) + 1
        return [min(one.low + place * one.step, one.high) for place in range(count)]
    space = np.geomspace if one.log else np.linspace
    values = space(one.low, one.high, points).tolist()
    if isinstance(one, IntDistribution):
        return sorted({round(value) for value in values})
    return [one.low, *values[1:-1], one.high]  # the ends as they were typed


def _check_cmaes(space: Space, objectives: int) -> None:
    try:
        import cmaes  # noqa: F401
    except ImportError as error:
        raise UserError("sweep.sampler=cmaes needs the package cmaes: pip install cmaes") from error
    if objectives > 1:
        raise UserError("sweep.sampler=cmaes takes one objective; choose sweep.sampler=tpe for several")
    if all(isinstance(one, CategoricalDistribution) for one in space.values()):
        raise UserError(
            "sweep.sampler=cmaes needs a range of numbers to search; this space has lists of values only"
        )
