"""What a sweep is made from stays what it was: its folder, its record, the configurations of its jobs."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException
from hydra.types import HydraContext
from omegaconf import DictConfig

from throughtime.errors import UserError
from throughtime.sweep.session import Session, begin

REPOSITORY = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.filterwarnings("ignore:\\s*'hydra/launcher/joblib' is validated against")


@pytest.fixture
def started(tmp_path: Path) -> Iterator:
    """Hydra as it is when a sweeper is called with these arguments."""
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3", job_name="train"):

        def start(*arguments: str) -> Session:
            config: DictConfig = compose("config", list(arguments), return_hydra_config=True)
            return begin(HydraContext(GlobalHydra.instance().config_loader(), Callbacks()), config)

        yield start
    HydraConfig.instance().cfg = None


def test_a_job_is_composed_from_its_overrides_and_no_others(started, tmp_path: Path) -> None:
    session = started(
        "cell=gru", f"hydra.sweep.dir={tmp_path}/sweep", "sweep.fail_fast=true", "hydra/launcher=joblib"
    )
    job = session.compose(4, ["cell=elman", "seed=3", "resume=x"], "cell=elman")
    assert (job.number, job.label, job.overrides) == (4, "cell=elman", ["cell=elman", "seed=3"])
    assert job.config["cell"]["_target_"].endswith("Elman") and job.config["data"]["seed"] == 3
    assert job.config["resume"] is None and "hydra" not in job.config
    assert job.choices["cell"] == "elman"
    assert session.fail_fast and session.arguments[-2:] == ["cell=gru", "sweep.fail_fast=true"]
    assert "hydra/launcher=joblib" in session.arguments


def test_a_path_in_the_jobs_own_folder_is_its_own(started, tmp_path: Path) -> None:
    session = started(f"hydra.sweep.dir={tmp_path}/sweep")
    config = session.compose(2, ["init_from=${hydra:runtime.output_dir}/last.ckpt"]).config
    assert config["init_from"] == str(tmp_path / "sweep" / "2" / "last.ckpt")


def test_what_does_not_compose_is_told_before_anything_is_written(started, tmp_path: Path) -> None:
    session = started(f"hydra.sweep.dir={tmp_path}/sweep")
    with pytest.raises(ConfigCompositionException):
        session.compose(0, ["cell.no_such_key=1"])
    with pytest.raises(UserError, match="seed=abc"):
        session.compose(0, ["seed=abc"])
    assert not session.folder.exists()


def test_a_folder_is_claimed_once_and_its_record_found_again(started, tmp_path: Path) -> None:
    session = started("seed=5", f"hydra.sweep.dir={tmp_path}/sweep")
    assert session.record is None
    session.claim()
    with pytest.raises(UserError, match="already holds a sweep"):
        session.claim()
    unplanned = started(f"hydra.sweep.dir={tmp_path}/sweep", "resume=sweep")
    assert (unplanned.record, unplanned.arguments) == (None, ["seed=5"])
    unplanned.claim()  # it is this sweep's own
    job = unplanned.compose(0, ["seed=5"])
    job.write(session.folder)
    session.write(jobs=1)
    resumed = started(f"hydra.sweep.dir={tmp_path}/sweep", "resume=sweep")
    assert resumed.record["jobs"] == 1 and resumed.jobs() == [job]
    assert json.loads((session.folder / "sweep.json").read_text())["arguments"] == ["seed=5"]


def test_a_folder_that_holds_anything_is_no_place_for_a_new_sweep(started, tmp_path: Path) -> None:
    (tmp_path / "sweep" / "0").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "sweep")
    for name in ("sweep", "link"):
        with pytest.raises(UserError, match=r"hydra\.sweep\.dir=.* is not empty \(it holds 0\)"):
            started(f"hydra.sweep.dir={tmp_path}/{name}").claim()
    assert list((tmp_path / "sweep").rglob("*")) == [tmp_path / "sweep" / "0"]


def test_a_claim_on_a_full_disk_leaves_nothing(started, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("throughtime.sweep.session.json.dumps", full)
    with pytest.raises(UserError, match="No space left on device"):
        started(f"hydra.sweep.dir={tmp_path}/new/sweep").claim()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(started) -> None:
    with pytest.raises(UserError, match=r"hydra\.sweep\.dir=/proc/sweep cannot be written"):
        started("hydra.sweep.dir=/proc/sweep").claim()
