"""The sweepers that `hydra/sweeper=…` names.

Hydra takes plugins from this namespace only and imports them at each start, so that here are names and nothing more:
the work is done in `throughtime.sweep`.
"""

from collections.abc import Sequence
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GridSweeper(Sweeper):
    """Every combination of the swept values (`throughtime.sweep.grid`).

    Args:
        params: swept keys and their values, besides those on the command line.
    """

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.sweep_config = hydra_context, config

    def sweep(self, arguments: Sequence[str]) -> None:
        from throughtime.sweep.grid import sweep_grid

        sweep_grid(self.context, self.sweep_config, self.params, arguments)


class OptunaSweeper(Sweeper):
    """A search over the space of `sweep` and the ranges that were typed (`throughtime.search.search`).

    Args:
        params: keys and ranges in Hydra's syntax, besides those on the command line.
    """

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.sweep_config = hydra_context, config

    def sweep(self, arguments: Sequence[str]) -> None:
        from throughtime.search.search import search

        search(self.context, self.sweep_config, self.params, arguments)
