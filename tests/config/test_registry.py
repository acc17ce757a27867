"""A configuration builds what is on the allow-list and nothing else, however it is spelt."""

import pytest
import torch

from throughtime.cell.lstm import LSTM
from throughtime.config.registry import KINDS, SECOND_NAMES, locate, names_of_kind
from throughtime.errors import UserError
from throughtime.inference.evaluate import evaluate


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "builtins.exec",
        "subprocess.Popen",
        "torch.load",
        "torch.hub.load",
        "torch.utils.collect_env.run",
        "throughtime.run.folder.write_json",
        "throughtime.data.text.cache.os.system",
        "throughtime.engine.auto.Native.__init__",
        "throughtime.cell.base.nn.Linear",
        "torch.optim.__builtins__",
        "lightning.pytorch.callbacks.Path",
        "throughtime.cell.lstm.LSTM",
        "throughtime.cell.Cell",
        "throughtime.head.Softmax",
        "LSTM",
        "",
    ],
)
def test_what_is_not_allowed_is_refused(target: str) -> None:
    with pytest.raises(UserError, match=r"^cell: "):
        locate(target, "cell")


@pytest.mark.parametrize(
    ("key", "phrase"), [("engine", "an engine"), ("model.front", "an input layer"), ("head", "a head")]
)
def test_an_error_has_the_article_of_its_noun(key: str, phrase: str) -> None:
    with pytest.raises(UserError, match=f"is not {phrase} that"):
        locate("os.system", key)


def test_a_public_name_is_found() -> None:
    assert locate("throughtime.cell.LSTM", "cell").factory is LSTM


def test_a_second_name_leads_to_a_public_one_at_places_of_its_kind_alone() -> None:
    for second, name in SECOND_NAMES.items():
        kind = next(kind for kind in KINDS if name in names_of_kind(kind))
        assert locate(second, "place", kind).factory is locate(name, "place", kind).factory
        for other in KINDS.keys() - {kind}:
            with pytest.raises(UserError, match=r"^place: "):
                locate(second, "place", other)


def test_a_place_where_nothing_is_built_takes_no_name() -> None:
    with pytest.raises(UserError, match=r"^model\.extra: nothing is built here"):
        locate("throughtime.cell.LSTM", "model.extra")


HOSTILE = (
    "os.system",
    "builtins.eval",
    "torch.utils.collect_env.run",
    "torch.load",
    "throughtime.data.text.cache.os.system",  # reached through a module that may be named
    "throughtime.callback.checkpoint.signal.raise_signal",
)


@pytest.mark.parametrize("target", HOSTILE)
@pytest.mark.parametrize("place", ["command line", "yaml"])
def test_no_run_builds_it(target: str, place: str, command, small: tuple[str, ...], tmp_path) -> None:
    """A whole `train.py`, whose configuration asks for something hostile where it asks for a cell."""
    if place == "command line":
        arguments = (f"cell._target_={target}",)
    else:
        (tmp_path / "mine" / "cell").mkdir(parents=True)
        (tmp_path / "mine" / "cell" / "hostile.yaml").write_text(
            f"_target_: {target}\ncommand: touch hostile\n"
        )
        arguments = (f"hydra.searchpath=[file://{tmp_path}/mine]", "cell=hostile")
    given = [argument for argument in small if not argument.startswith("cell.") or place == "command line"]
    finished = command("train.py", *given, *arguments)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: cell: ") and finished.stderr.count("\n") == 1, finished.stderr
    assert not (tmp_path / "hostile").exists()


@pytest.mark.parametrize("target", HOSTILE)
def test_no_script_builds_it_out_of_a_checkpoint(target: str, trained, tmp_path) -> None:
    saved = torch.load(trained.run / "checkpoints" / "best.ckpt", weights_only=True)
    for part in ("cell", "model", "task", "data"):
        hostile = {**saved["config"][part], "_target_": target}
        torch.save(saved | {"config": {**saved["config"], part: hostile}}, tmp_path / "hostile.ckpt")
        with pytest.raises(UserError, match=rf"^{part}: "):
            evaluate(str(tmp_path / "hostile.ckpt"))
