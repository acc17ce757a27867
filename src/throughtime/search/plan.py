"""Plan of a search: its space, objectives and sampler, fixed when it begins, so that a resumed search is the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, distribution_to_json, json_to_distribution
from optuna.samplers import BaseSampler

from throughtime.callback.pruning import PRUNERS
from throughtime.config.flat_config import flat
from throughtime.errors import UserError, check_choice, check_positive
from throughtime.search.objectives import Objective, objectives
from throughtime.search.sampler import Grid, build_sampler
from throughtime.search.space import Space, distribution, entries
from throughtime.search.syntax import as_text, sweep_entry
from throughtime.sweep.launch import cores
from throughtime.sweep.session import Session

NOT_SEARCHED = ("sweep", "hydra", "resume")


@dataclass(frozen=True)
class Plan:
    """The settings that identify a search.

    Attributes:
        space: the distribution of each key.
        arguments: the user's other overrides.
        objectives: what is minimised or maximised.
        sampler, seed, startup_trials, grid_points: as `build_sampler` takes them.
        n_jobs: the number of trials that are drawn, and run, at a time.
    """

    space: Space
    arguments: tuple[str, ...]
    objectives: tuple[Objective, ...]
    sampler: str
    seed: int
    startup_trials: int
    grid_points: int
    n_jobs: int

    def build_sampler(self) -> BaseSampler:
        """The sampler; a `UserError` where it does not fit the space or the objectives."""
        return build_sampler(
            self.sampler,
            self.seed,
            self.space,
            len(self.objectives),
            self.startup_trials,
            self.grid_points,
        )

    def total(self, trials: int) -> int:
        """The number of trials: of a grid at most its size."""
        sampler = self.build_sampler()
        return min(trials, sampler.size) if isinstance(sampler, Grid) else trials

    def record(self) -> dict[str, Any]:
        """The plan in plain containers."""
        space = {key: distribution_to_json(one) for key, one in self.space.items()}
        return vars(self) | {"space": space, "objectives": [vars(one) for one in self.objectives]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Plan":
        """The plan that `record` gave."""
        return cls(
            **{
                **record,
                "space": {key: json_to_distribution(text) for key, text in record["space"].items()},
                "arguments": tuple(record["arguments"]),
                "objectives": tuple(Objective(**one) for one in record["objectives"]),
            }
        )


def plan_search(session: Session, arguments: Sequence[str]) -> Plan:
    """The plan of a new search.

    A sweep on the command line (`cell=gru,lstm`) takes precedence over the same key in `sweep.space`; without either,
    the keys of `sweep.default_space` that the configuration has are searched.

    Args:
        session: the sweep.
        arguments: the user's overrides, with the searched keys in Hydra's notation.

    Raises:
        UserError, HydraException: an error in any of it, found before a trial has begun.
    """
    parser = OverridesParser.create(session.context.config_loader)
    parsed = {one.get_key_element(): one for one in parser.parse_overrides(list(arguments))}
    typed = {key: sweep_entry(one) for key, one in parsed.items() if one.is_sweep_override()}
    fixed = [one for key, one in parsed.items() if key not in typed and key != "resume"]
    settings = OmegaConf.to_container(session.config.sweep, resolve=True)
    _check(settings)
    given = tuple(one.input_line for one in fixed)
    configured = session.compose(0, given).config
    values = flat(configured)
    pinned = {one.key_or_group for one in fixed}
    wanted = {key: one for key, one in entries(settings["space"] or {}) if key not in pinned} | typed
    if not wanted:
        defaults = dict(entries(settings["default_space"] or {}))
        wanted = {key: one for key, one in defaults.items() if key in values and key not in pinned}
    space = {key: distribution(key, one, values.get(key.lstrip("+"))) for key, one in wanted.items()}
    _check_keys(space)
    found = Plan(
        space=space,
        arguments=given,
        objectives=objectives(settings["objectives"], configured["task"]),
        sampler=settings["sampler"],
        seed=settings["seed"],
        startup_trials=settings["startup_trials"],
        grid_points=settings["grid_points"],
        n_jobs=settings["n_jobs"] or launcher_n_jobs(session),
    )
    found.build_sampler()
    _check_compositions(session, found)
    return found


def _check(settings: Mapping[str, Any]) -> None:
    for name in ("trials", "startup_trials", "grid_points", "n_jobs"):
        value = settings[name]
        if name == "n_jobs" and value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise UserError(f"sweep.{name}={value} is not a whole number")
        check_positive(**{f"sweep.{name}": value})
    if not isinstance(settings["seed"], int):
        raise UserError(f"sweep.seed={settings['seed']} is not a whole number")
    check_choice(PRUNERS, **{"sweep.pruner": settings["pruner"]})
    space = settings["space"]
    if space is not None and not isinstance(space, Mapping):
        raise UserError(f"sweep.space={space} is not a mapping of keys to what they are drawn from")


def _check_keys(space: Space) -> None:
    if not space:
        raise UserError("there is nothing to search: give sweep.space, or type a range such as cell=gru,lstm")
    for key in space:
        if key.lstrip("+~").replace("/", ".").partition(".")[0] in NOT_SEARCHED:
            raise UserError(f"{key} cannot be searched; it says how the search itself is done")


def _check_compositions(session: Session, found: Plan) -> None:
    """Compose each listed value once, so that an unknown key or option is an error before the first trial."""
    listed = {
        key: one.choices for key, one in found.space.items() if isinstance(one, CategoricalDistribution)
    }
    ends = {key: (one.low,) for key, one in found.space.items() if key not in listed}
    for place in range(max(map(len, listed.values()), default=1)):
        values = {key: some[place % len(some)] for key, some in (ends | listed).items()}
        session.compose(0, [*found.arguments, *(f"{key}={as_text(value)}" for key, value in values.items())])


def launcher_n_jobs(session: Session) -> int:
    """The number of jobs that the chosen launcher runs at a time."""
    launcher = session.config.hydra.launcher
    for name in ("n_jobs", "array_parallelism"):  # joblib's, submitit's
        count = launcher.get(name)
        if isinstance(count, int) and count:
            return count if count > 0 else max(1, cores() + 1 + count)
    return 1
