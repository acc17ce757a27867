"""Each logger writes into the run's folder only, several write at once, and a resumed run continues them."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from throughtime.callback.logging import read_csv
from throughtime.errors import UserError
from throughtime.run.folder import RunFolder
from throughtime.run.loggers import build_loggers, viewing_commands


def test_several_loggers_are_chosen_by_a_list(configuration: Callable[..., dict[str, Any]]) -> None:
    assert list(configuration("logger=[tensorboard,csv]")["logger"]) == ["tensorboard", "csv"]
    assert list(configuration("logger=csv")["logger"]) == ["csv"]
    assert configuration("logger=none")["logger"] == {}
    assert list(configuration()["logger"]) == ["tensorboard"]


def test_nothing_is_built_where_there_is_no_logger(tmp_path: Path) -> None:
    assert build_loggers(None, RunFolder(tmp_path)) == build_loggers({"csv": None}, RunFolder(tmp_path)) == []


@pytest.mark.parametrize(("name", "package"), [("wandb", "wandb"), ("mlflow", "mlflow")])
def test_a_missing_package_is_an_error_that_names_the_extra(
    name: str,
    package: str,
    configuration: Callable[..., dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda one, *rest: None if one == package else found(one, *rest)
    )
    sentence = rf"^logger={name} needs the package {package}: pip install 'throughtime\[loggers\]'$"
    with pytest.raises(UserError, match=sentence):
        build_loggers(configuration(f"logger={name}")["logger"], RunFolder(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_csv_and_tensorboard_have_the_same_scalars_also_after_a_resume(
    fit_small: Callable[..., Path], scalars: Callable[[Path, str], dict[int, float]]
) -> None:
    run = fit_small("logger=[tensorboard,csv]", "trainer.max_steps=20")
    fit_small(
        "logger=[tensorboard,csv]", "trainer.max_steps=30", f"resume={run}", without="trainer.max_steps"
    )
    rows = read_csv(run / "metrics.csv")
    for tag in ("train/loss", "val/loss", "val/bpc", "optim/lr", "test/bpc"):
        logged = {int(row["step"]): float(row[tag]) for row in rows if row[tag]}
        assert logged == pytest.approx(scalars(run, tag), rel=1e-5) and logged, tag
    steps = [int(row["step"]) for row in rows if row["val/bpc"]]
    assert steps == sorted(set(steps)) and steps[-1] == 30


@pytest.fixture
def scalars() -> Callable[[Path, str], dict[int, float]]:
    from throughtime.report.figure import read_scalars

    return read_scalars


def test_the_figure_of_a_report_is_drawn_from_csv_too(
    fit_small: Callable[..., Path], scalars: Callable[[Path, str], dict[int, float]]
) -> None:
    run = fit_small("logger=csv")
    results = json.loads((run / "results.json").read_text())
    assert scalars(run, "val/bpc")[results["best_step"]] == pytest.approx(results["best"])
    assert scalars(run, "no/such") == {}
    assert not list(run.glob("events.*"))


def test_wandb_works_offline_in_the_folder_of_the_run_and_ends_with_it(
    fit_small: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb", reason="W&B is not installed (pip install 'throughtime[loggers]')")
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name in ("one", "two"):
        run = fit_small("logger=wandb", name=name)
        (offline,) = (run / "wandb").glob("offline-run-*")
        assert list(offline.glob("*.wandb")) and list((offline / "files" / "media").rglob("*.json"))
        assert wandb.run is None
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "wandb").exists()


def test_a_run_that_fails_before_its_first_step_leaves_nothing_of_wandb(
    fit_small: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="W&B is not installed (pip install 'throughtime[loggers]')")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(UserError, match="cosine schedule"):
        fit_small("logger=wandb", "trainer.max_steps=-1", "trainer.max_time=10", name="failed")
    assert not (tmp_path / "failed").exists()


def test_a_resumed_run_goes_on_under_its_identity_in_wandb(
    fit_small: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="W&B is not installed (pip install 'throughtime[loggers]')")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    run = fit_small("logger=wandb", "trainer.max_steps=20")
    fit_small("logger=wandb", "trainer.max_steps=30", f"resume={run}", without="trainer.max_steps")
    sessions = [path.name.split("-", 3)[3] for path in (run / "wandb").glob("offline-run-*")]
    assert len(sessions) == 2 and len(set(sessions)) == 1


def test_mlflow_writes_a_database_in_the_folder_of_the_run_which_a_resumed_run_continues(
    fit_small: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed (pip install 'throughtime[loggers]')")
    from mlflow.tracking import MlflowClient

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = fit_small("logger=mlflow", "trainer.max_steps=20")
    fit_small("logger=mlflow", "trainer.max_steps=30", f"resume={run}", without="trainer.max_steps")
    client = MlflowClient(f"sqlite:///{run}/mlflow.db")
    (experiment,) = (one for one in client.search_experiments() if one.name == "throughtime")
    (logged,) = client.search_runs([experiment.experiment_id])
    results = json.loads((run / "results.json").read_text())
    assert logged.data.params["cell.hidden_size"] == "8"
    history = client.get_metric_history(logged.info.run_id, "val/bpc")
    assert {point.step for point in history} == {10, 20, 30}
    assert min(point.value for point in history) == pytest.approx(results["best"])
    assert list((run / "mlflow").rglob("samples/step_000010.md"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_each_logger_has_the_command_that_shows_it() -> None:
    config = {
        name: {"_target_": f"lightning.pytorch.loggers.{kind}"}
        for name, kind in {"a": "TensorBoardLogger", "b": "CSVLogger", "c": "MLFlowLogger"}.items()
    }
    assert viewing_commands(config, "runs/x", "runs") == [
        "tensorboard --logdir runs",
        "mlflow ui --backend-store-uri sqlite:///runs/x/mlflow.db",
    ]
    assert viewing_commands(None, "runs/x", "runs") == []
