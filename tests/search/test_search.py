"""A search comes to its total through kills, keeps its failures, and stops what is hopeless."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from throughtime.errors import UserError
from throughtime.search.search import seconds_of
from throughtime.search.study import open_study
from throughtime.search.trials import ERROR

REPOSITORY = Path(__file__).resolve().parents[2]
SEARCH = ("-m", "sweep=optuna", "task=textgen", "sweep.trials=5", "sweep.startup_trials=2", "sweep.seed=3")
SPACE = ("optim.optimizer.lr=tag(log,interval(1e-5,1e-1))", "cell=gru,elman")
SHORT = (
    "trainer.max_steps=9",
    "trainer.val_check_interval=3",
    "callback.samples.count=1",
    "callback.checkpoint.every_n_steps=2",
)


@dataclass(frozen=True)
class Searched:
    """A finished search, its exit code and what it printed."""

    folder: Path
    returncode: int
    stdout: str
    stderr: str

    @property
    def trials(self) -> list[optuna.trial.FrozenTrial]:
        return open_study(self.folder, RandomSampler()).trials

    def told(self) -> list[tuple]:
        """What does not depend on the clock."""
        return [
            (one.number, one.params, one.values, one.state, one.intermediate_values) for one in self.trials
        ]


Search = Callable[..., Searched]


@pytest.fixture(scope="session")
def search_in(command_in: Callable, small: tuple[str, ...]) -> Callable[[Path], Search]:
    """Make a `search` that runs in a folder: a small one, or one that is gone on with."""
    kept = [one for one in small if not one.startswith("trainer.") or "accelerator" in one]

    def make(home: Path) -> Search:
        def run(*typed: str, **settings: object) -> Searched:
            resumes = any(one.startswith("resume=") for one in typed)
            begin = () if resumes else (*SEARCH, *kept, *SHORT, "hydra.sweep.dir=sweep")
            now = {one.partition("=")[0] for one in typed}
            begin = [one for one in begin if one.partition("=")[0] not in now]
            finished = command_in(home)("train.py", *begin, *(("-m",) if resumes else ()), *typed, **settings)
            return Searched(home / "sweep", finished.returncode, finished.stdout, finished.stderr)

        return run

    return make


@pytest.fixture
def search(search_in: Callable, tmp_path: Path) -> Search:
    return search_in(tmp_path)


@pytest.fixture(scope="session")
def searched(search_in: Callable, tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """A search that nothing disturbed; its folder is only to be read."""
    return search_in(tmp_path_factory.mktemp("searched"))(*SPACE)


def test_it_comes_to_its_total_and_tells_what_it_found(searched) -> None:
    assert (searched.returncode, searched.stderr) == (0, "")
    states = [trial.state for trial in searched.trials]
    assert len(states) == 5 and set(states) <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert "search: 5 of 5 trials" in searched.stdout
    assert "importance for val/bpc" in searched.stdout
    best = min((trial for trial in searched.trials if trial.value), key=lambda trial: trial.value)
    command = searched.stdout.splitlines()[-1]
    assert command.startswith("  python train.py task=textgen") and "sweep" not in command
    assert f"optim.optimizer.lr={best.params['optim.optimizer.lr']!r} cell={best.params['cell']}" in command
    drawn = {path.name for path in (searched.folder / "search").iterdir()}
    assert drawn >= {"history.png", "importances.png", "slice.png", "parallel_coordinate.png", "trials.csv"}


def test_a_hopeless_trial_is_stopped_and_its_folder_says_so(searched) -> None:
    pruned = [trial.number for trial in searched.trials if trial.state == TrialState.PRUNED]
    assert pruned, "of these five trials at least one falls behind"
    for trial in searched.trials:
        results = json.loads((searched.folder / str(trial.number) / "results.json").read_text())
        assert results["status"] == "completed"
        assert results["pruned"] == (trial.number in pruned)
        assert results["steps"] == max(trial.intermediate_values)
        assert (results["steps"] < 9) == results["pruned"]


def test_killed_in_a_trial_it_completes_and_is_the_same_as_if_it_had_not_been(
    searched, search: Search, tmp_path: Path
) -> None:
    killed = search(*SPACE, signal_at_step=(signal.SIGKILL, 5))
    assert killed.returncode == -signal.SIGKILL
    assert [trial.state for trial in killed.trials] == [TrialState.RUNNING]
    resumed = search("resume=sweep")
    assert resumed.returncode == 0 and "0  lr=" in resumed.stdout and "goes on" in resumed.stdout
    assert resumed.told() == searched.told()
    again = search("resume=sweep")
    assert again.told() == searched.told() and "starts" not in again.stdout
    more = search("resume=sweep", "sweep.trials=6")
    assert more.told()[:5] == searched.told() and len(more.trials) == 6


def test_failures_are_kept_with_their_reasons_and_the_others_go_on(search: Search) -> None:
    """A rate of 1e30 makes every weight infinite: the metric is never finite."""
    typed = (
        "optim.optimizer.lr=choice(0.01,1e30,wrong)",
        "sweep.sampler=grid",
        "optim.optimizer.fused=false",
    )
    finished = search(*typed)
    assert finished.returncode == 1
    found = {trial.params["optim.optimizer.lr"]: trial for trial in finished.trials}
    assert len(finished.trials) == 3 and found[0.01].state == TrialState.COMPLETE
    assert found[1e30].state == found["wrong"].state == TrialState.FAIL
    assert found[1e30].user_attrs[ERROR]
    assert "wrong is of the wrong kind" in found["wrong"].user_attrs[ERROR]
    assert "3 of 3 trials (1 complete, 2 failed)" in finished.stdout
    again = search("resume=sweep")
    assert again.returncode == 1 and again.told() == finished.told()


def test_several_objectives_have_a_front_and_nothing_is_pruned(search: Search) -> None:
    finished = search(*SPACE, "sweep.objectives=[val/loss,parameters]", "sweep.trials=4")
    assert finished.returncode == 0, finished.stderr
    assert [trial.state for trial in finished.trials] == [TrialState.COMPLETE] * 4
    assert all(trial.values[1] == int(trial.values[1]) > 0 for trial in finished.trials)
    assert "The Pareto front" in finished.stdout
    assert (finished.folder / "search" / "pareto_front.png").is_file()


@pytest.mark.parametrize("sampler", [pytest.param("random", marks=pytest.mark.slow), "cmaes"])
def test_every_sampler_runs(search: Search, sampler: str) -> None:
    finished = search(*SPACE, f"sweep.sampler={sampler}", "sweep.trials=3", "sweep.startup_trials=1")
    assert finished.returncode == 0, finished.stderr
    assert len({trial.params["optim.optimizer.lr"] for trial in finished.trials}) == 3


def test_the_time_that_is_spent_ends_a_search_between_two_trials(search: Search) -> None:
    finished = search(*SPACE, "sweep.timeout=00:00:00:00")
    assert "0 of 5 trials" in finished.stdout and finished.trials == []
    assert len(search("resume=sweep", "sweep.timeout=00:00:00:01").trials) in range(1, 5)


def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(search: Search) -> None:
    for typed, sentence in {
        "optim.optimizer.lr=interval(1,0)": "optim.optimizer.lr: low=1.0 is not below high=0.0",
        "sweep.timeout=5": "sweep.timeout=5 is not of the form DD:HH:MM:SS",
        "data.path=none.txt": "data.path=none.txt does not exist",
    }.items():
        finished = search(typed)
        assert finished.returncode == 2 and sentence in finished.stderr
        assert len(finished.stderr.splitlines()) == 1 and not finished.folder.exists()


def test_a_time_is_given_as_lightning_takes_it() -> None:
    assert (seconds_of(None), seconds_of("01:02:03:04")) == (None, 93784.0)
    for wrong in ("1:00", "an hour", 60):
        with pytest.raises(UserError, match="DD:HH:MM:SS"):
            seconds_of(wrong)


def lines(journal: Path) -> int:
    return len(journal.read_text().splitlines()) if journal.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [(), ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")])
def test_killed_at_random_again_and_again_it_completes_its_total(
    small: tuple[str, ...], launcher: tuple[str, ...], tmp_path: Path
) -> None:
    """With SIGKILL to all of its processes; what it comes to is what it comes to undisturbed."""
    generator = random.Random(5)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "THROUGHTIME_CACHE": str(tmp_path / "cache")}
    train = [sys.executable, str(REPOSITORY / "train.py")]
    # Which trials are pruned beside each other depends on the clock, so with two at a time none is.
    typed = [*SEARCH, *small, *SHORT[2:], *SPACE, *launcher, *(("sweep.pruner=none",) if launcher else ())]

    def start(*arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*train, *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def searched(name: str) -> Searched:
        return Searched(tmp_path / name, 0, "", "")

    assert start(*typed, "hydra.sweep.dir=whole").wait() == 0
    kills, journal = 0, tmp_path / "sweep" / "journal.txt"
    running = start(*typed, "hydra.sweep.dir=sweep")
    while kills < 4:
        awaited = lines(journal) + generator.randint(1, 2)  # by its progress, for a machine may be busy
        while lines(journal) < awaited and running.poll() is None:
            time.sleep(0.05)
        time.sleep(generator.uniform(0, 2))
        if running.poll() is not None:
            break
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        kills += 1
        running = start("-m", "resume=sweep")
    assert running.wait() == 0 and kills > 0
    assert searched("sweep").told() == searched("whole").told()
