"""TensorBoard's HPARAMS page shows what was configured and what came of it."""

import pytest
from lightning.pytorch.loggers import TensorBoardLogger

from throughtime.callback.hyperparameters import Hyperparameters

VALUES = {
    "cell.hidden_size": 128,
    "cell.name": "gru",
    "optim.lr": 0.1,
    "tied": True,
    "horizon": None,
    "n": [1, 2],
}
QUESTION = {
    "includeMetrics": True,
    "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
}


def sessions(tensorboard, folder):
    """name -> (hyperparameters, metrics), as the page gets them."""
    page = tensorboard("/data/plugin/hparams/experiment", {"includeMetrics": True}, folder)
    names = [info["name"] for info in page["metricInfos"]]
    question = QUESTION | {
        "sliceSize": 100,
        "colParams": [{"metric": name} for name in names],
    }
    found = tensorboard("/data/plugin/hparams/session_groups", question, folder)["sessionGroups"]
    return {
        group["sessions"][0]["name"]: (
            group["hparams"],
            {value["name"]["tag"]: value["value"] for value in group["metricValues"]},
        )
        for group in found
    }


def statuses(tensorboard, folder):
    question = QUESTION | {"sliceSize": 100, "colParams": []}
    found = tensorboard("/data/plugin/hparams/session_groups", question, folder)["sessionGroups"]
    return [group["sessions"][0]["status"] for group in found]


def test_the_page_has_the_values_and_the_final_metrics_of_fit_and_test(fit, tensorboard, tmp_path):
    logger = TensorBoardLogger(tmp_path / "runs", name="one", version="")
    trainer = fit(Hyperparameters(VALUES), test=True, logger=logger)
    hyperparameters, metrics = sessions(tensorboard, tmp_path / "runs")["one"]
    assert hyperparameters == {
        "cell.hidden_size": 128,
        "cell.name": "gru",
        "optim.lr": 0.1,
        "tied": True,
        "horizon": "None",
        "n": "[1, 2]",
    }
    assert metrics["test/bpc"] == pytest.approx(float(trainer.callback_metrics["test/bpc"]))
    assert metrics["val/bpc"] == pytest.approx(metrics["val/loss"] * 2)
    assert statuses(tensorboard, tmp_path / "runs") == ["STATUS_SUCCESS"]


def test_runs_that_measure_different_things_are_all_shown(fit, task, tensorboard, tmp_path):
    for name in ("bpc", "f1"):
        task.validation_step = lambda batch, _, name=name: task.log(f"val/{name}", batch.mean())
        logger = TensorBoardLogger(tmp_path / "runs", name=name, version="")
        fit(Hyperparameters({"task": name, f"only.{name}": 1}), logger=logger)
    shown = sessions(tensorboard, tmp_path / "runs")
    assert set(shown["bpc"][0]) == {"task", "only.bpc"} and "val/bpc" in shown["bpc"][1]
    assert set(shown["f1"][0]) == {"task", "only.f1"} and "val/f1" in shown["f1"][1]


def test_a_run_that_fails_is_shown_and_not_as_a_success(fit, task, tensorboard, tmp_path):
    def fail(*_):
        raise RuntimeError("broken")

    task.training_step = fail
    with pytest.raises(RuntimeError, match="broken"):
        fit(Hyperparameters(VALUES), logger=TensorBoardLogger(tmp_path / "runs", name="broken", version=""))
    ((name, (hyperparameters, _)),) = sessions(tensorboard, tmp_path / "runs").items()
    assert name == "broken" and hyperparameters["cell.name"] == "gru"
    assert statuses(tensorboard, tmp_path / "runs") == ["STATUS_UNKNOWN"]


def test_no_values_or_no_logger_is_no_hindrance(fit):
    fit(Hyperparameters())
    fit(Hyperparameters(VALUES), logger=False)
