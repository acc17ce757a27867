"""What a search is, follows from what is configured and typed, and stays as it was when it goes on."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import HydraContext
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from throughtime.errors import UserError
from throughtime.search.objectives import Objective
from throughtime.search.plan import Plan, launcher_n_jobs, plan_search
from throughtime.sweep.session import Session, begin

CONFIGURATIONS = Path(__file__).resolve().parents[2] / "conf"
pytestmark = pytest.mark.filterwarnings("ignore:\\s*'hydra/launcher/.*' is validated against")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """The session of a search that is configured so."""
    with initialize_config_dir(str(CONFIGURATIONS), version_base="1.3", job_name="train"):

        def make(*overrides: str) -> Session:
            typed = ["sweep=optuna", f"hydra.sweep.dir={tmp_path}/sweep", *overrides]
            config = compose("config", typed, return_hydra_config=True)
            return begin(HydraContext(GlobalHydra.instance().config_loader(), Callbacks()), config)

        yield make
    HydraConfig.instance().cfg = None


@pytest.fixture
def planned(session: Callable[..., Session]) -> Callable[..., Plan]:
    """Plan a search from what is typed, the fixed values first."""

    def make(*fixed: str, ranges: tuple[str, ...] = ()) -> Plan:
        return plan_search(session(*fixed), ["sweep=optuna", *fixed, *ranges])

    return make


@pytest.mark.parametrize("task", ["textgen", "tagging", "forecasting"])
def test_every_task_has_a_small_space_that_suits_it(planned, task: str) -> None:
    found = planned(f"task={task}")
    assert (
        {"optim.optimizer.lr", "cell.hidden_size", "model.layers.depth"}
        <= set(found.space)
        <= {*("optim.optimizer.lr", "cell.hidden_size", "model.layers.depth", "model.layers.dropout")}
    )
    rate = found.space["optim.optimizer.lr"]
    assert rate.log and rate.high == pytest.approx(100 * rate.low)


def test_what_is_typed_alone_is_searched(planned) -> None:
    ranges = (
        "optim.optimizer.lr=tag(log,interval(1e-4,1e-2))",
        "cell=gru,lstm",
        "cell.hidden_size=range(32,257,32)",
    )
    found = planned("task=forecasting", ranges=ranges)
    assert found.space == {
        "optim.optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
        "cell": CategoricalDistribution(["gru", "lstm"]),
        "cell.hidden_size": IntDistribution(32, 256, step=32),
    }
    assert found.arguments == ("sweep=optuna", "task=forecasting")


def test_what_is_typed_goes_over_what_is_configured_and_a_single_value_pins_a_key(planned) -> None:
    space = "sweep.space={cell.hidden_size: [8,16], model.layers.depth: [1,2], seed: {low: 1, high: 3}}"
    found = planned(space, "model.layers.depth=1", ranges=("cell.hidden_size=4,5",))
    assert list(found.space) == ["cell.hidden_size", "seed"]
    assert found.space["cell.hidden_size"] == CategoricalDistribution([4, 5])


def test_a_typed_value_pins_a_key_of_the_default_space(planned) -> None:
    assert "cell.hidden_size" not in planned("cell.hidden_size=8").space


def test_the_plan_is_read_back(planned) -> None:
    found = planned(
        "sweep.objectives=[val/loss,seconds]",
        "sweep.sampler=random",
        ranges=("cell=gru,lstm", "seed=range(1,4)"),
    )
    assert found.objectives == (Objective("val/loss", "minimize"), Objective("seconds", "minimize"))
    assert Plan.from_record(json.loads(json.dumps(found.record()))) == found


def test_a_grid_has_no_more_trials_than_combinations(planned) -> None:
    found = planned("sweep.sampler=grid", ranges=("cell=gru,lstm", "seed=1,2,3"))
    assert (found.total(4), found.total(20)) == (4, 6)
    assert planned("sweep.sampler=random", ranges=("cell=gru,lstm",)).total(20) == 20


@pytest.mark.parametrize(
    ("launcher", "count"),
    [
        ((), 1),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=3"), 3),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.array_parallelism=7"), 7),
    ],
)
def test_as_many_trials_at_a_time_as_the_launcher_runs(session, launcher: tuple, count: int) -> None:
    assert launcher_n_jobs(session(*launcher)) == count


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("sweep.trials=0", "sweep.trials must be above 0"),
        ("sweep.trials=many", "sweep.trials=many is not a whole number"),
        ("sweep.pruner=asha", "sweep.pruner=asha is not known"),
        ("sweep.sampler=bayes", "sweep.sampler=bayes is not known"),
        ("sweep.space=3", "sweep.space=3 is not a mapping"),
        ("sweep.space={cell: gru}", "cell: gru is one value"),
        ("sweep.space={sweep.trials: [1,2]}", "sweep.trials cannot be searched"),
        ("sweep.default_space=null", "there is nothing to search"),
        ("sweep.objectives=[val/nothing]", "give val/nothing a direction"),
    ],
)
def test_a_slip_is_told_before_a_trial_begins(planned, typed: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        planned(typed)


@pytest.mark.parametrize("typed", ["cell=gru,lsmt", "optim.lr=0.1,0.2", "cell.hiden_size=interval(1,2)"])
def test_so_is_an_option_or_a_key_that_does_not_exist(planned, typed: str) -> None:
    with pytest.raises(HydraException):
        planned(ranges=(typed,))
