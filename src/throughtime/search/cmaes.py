"""CMA-ES, the evolution strategy with covariance matrix adaptation (Hansen 2016, arXiv 1604.00772), for a search.

    x_k ~ m + σ N(0, C),  k = 1..λ;   m, σ, C  <-  the better half of the generation

Optuna's own sampler keeps the state (m, σ, C) as a pickle in the storage, and resuming a search from a foreign folder
must not run code. Here the state is computed again from the completed trials.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

GENERATION = "cmaes:generation"


class CmaEs(BaseSampler):
    """Sampler of one trial by CMA-ES; keys that have no order are drawn at random.

    Args:
        seed: of this trial's draw.
        startup_trials: random trials before the first generation.
    """

    def __init__(self, seed: int, startup_trials: int) -> None:
        self._seed = seed
        self._startup_trials = startup_trials
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        space = IntersectionSearchSpace().calculate(study)
        return {
            key: one
            for key, one in space.items()
            if not one.single() and not isinstance(one, CategoricalDistribution)
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        from cmaes import CMA

        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not search_space or len(completed) < self._startup_trials:
            return {}
        size = len(search_space)
        strategy = CMA(
            mean=np.full(size, 0.5), sigma=1 / 6, bounds=np.tile([0.0, 1.0], (size, 1)), seed=self._seed
        )
        for generation in _generations(completed, strategy.population_size):
            strategy.tell([(_unit_point(search_space, one), _loss(study, one)) for one in generation])
        study._storage.set_trial_system_attr(trial._trial_id, GENERATION, strategy.generation)
        point = strategy.ask()
        return {key: from_unit(one, x) for (key, one), x in zip(search_space.items(), point, strict=True)}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def _generations(completed: list[FrozenTrial], population_size: int) -> Iterator[list[FrozenTrial]]:
    """The complete generations so far, each with its first λ trials."""
    generation = 0
    while True:
        members = [one for one in completed if one.system_attrs.get(GENERATION) == generation][
            :population_size
        ]
        if len(members) < population_size:
            return
        yield members
        generation += 1


def _unit_point(space: dict[str, BaseDistribution], trial: FrozenTrial) -> np.ndarray:
    return np.array([to_unit(one, trial.params[key]) for key, one in space.items()])


def _loss(study: Study, trial: FrozenTrial) -> float:
    return trial.value if study.direction == StudyDirection.MINIMIZE else -trial.value


def to_unit(one: FloatDistribution | IntDistribution, value: int | float) -> float:
    """The relative position of a value in its range, from 0 to 1."""
    low, high, scale = _ends(one)
    return (scale(value) - low) / (high - low)


def from_unit(one: FloatDistribution | IntDistribution, position: float) -> int | float:
    """The value at a relative position from 0 to 1, rounded to whole numbers and steps."""
    low, high, _ = _ends(one)
    value = low + position * (high - low)
    value = math.exp(value) if one.log else value
    if one.step is not None:
        value = one.low + round((value - one.low) / one.step) * one.step
    value = min(max(value, one.low), one.high)
    return int(value) if isinstance(one, IntDistribution) else float(value)


def _ends(one: FloatDistribution | IntDistribution) -> tuple[float, float, Any]:
    """The ends, on a logarithmic scale where the range has one; each step has the same share of the whole."""
    margin = 0.0 if one.step is None else one.step / 2
    scale = math.log if one.log else float
    return scale(one.low - margin), scale(one.high + margin), scale
