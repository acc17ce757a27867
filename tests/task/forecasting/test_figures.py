"""TensorBoard shows the figures of forecasting, drawn at each validation and after the test."""

SMALL = (
    "task=forecasting",
    "data=airpassengers",
    "cell.hidden_size=4",
    "model.size=4",
    "model.segment_length=6",
    "trainer.max_steps=4",
    "trainer.val_check_interval=2",
)


def test_figures_of_both_splits_are_in_tensorboard_at_their_steps(command, tensorboard, tmp_path):
    ended = command("train.py", *SMALL)
    assert ended.returncode == 0, ended.stderr
    (run,) = (tmp_path / "runs" / "forecasting").iterdir()
    (tags,) = tensorboard("/data/plugin/images/tags", folder=run).values()
    names = {"forecast", "error_by_step", "residuals"}
    assert {f"{split}/{name}" for split in ("val", "test") for name in names} <= set(tags)
    shown = tensorboard("/data/plugin/images/images?run=.&tag=val/forecast", folder=run)
    assert [image["step"] for image in shown] == [2, 4]
    assert {file.name for file in (run / "figures").iterdir()} == {f"{name}.png" for name in names}
