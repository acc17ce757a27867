"""Configuration to objects: from the inside out, with every slip told by its key."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from throughtime.callback.progress import Progress
from throughtime.cell.elman import Elman
from throughtime.config import instantiate as instantiation
from throughtime.config.instantiate import instantiate
from throughtime.config.registry import MODEL_PARTS
from throughtime.errors import UserError

ELMAN = "throughtime.cell.Elman"


def test_a_target_becomes_an_object_and_a_partial_waits_for_the_rest() -> None:
    whole = instantiate({"_target_": ELMAN, "input_size": 2, "hidden_size": 3}, "cell")
    factory = instantiate({"_target_": ELMAN, "_partial_": True, "hidden_size": 3}, "cell")
    assert isinstance(whole, Elman)
    assert factory(input_size=5).input_size == 5


def test_containers_are_built_item_by_item() -> None:
    progress = {"_target_": "throughtime.callback.Progress"}
    built = instantiate({"progress": progress, "none": None}, "callback")
    assert isinstance(built["progress"], Progress)
    assert built["none"] is None


def test_a_part_that_its_owner_does_not_take_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    """Nothing of a tree is imported or built where any of it is refused."""
    built = []
    seen = partial(built.append, "built")
    inner = {"_target_": "throughtime.cell.LSTM", "hidden_size": "abc"}
    config = {"_target_": "throughtime.cell.Zoneout", "hidden_size": 3, "cell": inner, "_partial_": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instantiation, "_call", lambda *_, **__: seen())
        for broken in (
            config,
            {**config, "cell": {**inner, "hidden_size": 1, "extra": {"_target_": "os.system"}}},
        ):
            with pytest.raises(UserError, match=r"^cell\.cell\."):
                instantiate(broken, "cell")
    assert built == []


@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("trainer.profiler", {"_target_": "lightning.pytorch.profilers.SimpleProfiler", "dirpath": "/tmp"}),
        ("trainer", {"_target_": "lightning.pytorch.Trainer", "default_root_dir": "/tmp"}),
        ("trainer", {"_target_": "lightning.pytorch.Trainer", "plugins": []}),
        ("logger.x", {"_target_": "lightning.pytorch.loggers.TensorBoardLogger", "name": "../../x"}),
        ("logger.x", {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "ftp://x"}),
        ("data", {"_target_": "throughtime.data.text.TextData", "cache_dir": "/tmp"}),
    ],
)
def test_where_to_write_is_given_by_the_program(key: str, config: dict) -> None:
    with pytest.raises(UserError, match="is given by the program"):
        instantiate(config, key)


def test_a_checkpoint_builds_the_model_s_parts_only() -> None:
    for key, target in (
        ("data", "throughtime.data.text.TextData"),
        ("trainer", "lightning.pytorch.Trainer"),
        ("callback.x", "throughtime.callback.Progress"),
        ("optim.optimizer", "torch.optim.SGD"),
    ):
        with pytest.raises(UserError, match=rf"^{key}: .* is not built from a checkpoint"):
            instantiate({"_target_": target}, key, kinds=MODEL_PARTS)


@pytest.mark.parametrize(
    ("key", "config"), [("cell", 5), ("engine", "str"), ("head", None), ("model", {"a": 1})]
)
def test_a_place_without_a_part_is_named(key: str, config: object) -> None:
    with pytest.raises(UserError, match=rf"^{key}="):
        instantiate(config, key)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_size": "abc"}, r"cell\.hidden_size=abc is of the wrong kind; a whole number is needed"),
        ({"hidden_size": 1.5}, r"cell\.hidden_size=1\.5 .* a whole number"),
        ({"hidden_size": True}, r"cell\.hidden_size=true .* a whole number"),
        ({"learned_state": 3}, r"cell\.learned_state=3 .* true or false"),
        ({"hiden_size": 3}, r"cell\.hiden_size: Elman takes no such argument; it takes .*hidden_size"),
        ({"hidden_size": -3}, r"cell: .*hidden_size must be above 0, not -3"),
        ({"activation": "tahn"}, r"cell: .*tahn"),
    ],
)
def test_a_slip_is_told_by_its_key(arguments: dict, message: str) -> None:
    given = {"input_size": 2, "hidden_size": 3} | arguments
    with pytest.raises(UserError, match=message):
        instantiate({"_target_": ELMAN, **given}, "cell")


def test_a_slip_in_a_partial_is_told_when_it_is_typed_not_when_it_is_used() -> None:
    with pytest.raises(UserError, match=r"cell\.hidden_size=abc"):
        instantiate({"_target_": ELMAN, "_partial_": True, "hidden_size": "abc"}, "cell")


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(UserError, match=r"cell \(Elman\): .*hidden_size"):
        instantiate({"_target_": ELMAN, "input_size": 2}, "cell")


def test_what_a_part_cannot_take_from_the_data_is_told_by_its_key() -> None:
    head = instantiate({"_target_": "throughtime.head.Softmax", "_partial_": True}, "head")
    with pytest.raises(UserError, match=r"head: Softmax does not fit this task's data; it takes no channels"):
        head(input_size=3, channels=2)


def test_whatever_a_class_of_another_library_raises_is_told_by_its_key() -> None:
    optimizer = {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 0.1, "betas": [0.9]}
    configure = instantiate(optimizer, "optim.optimizer")
    with pytest.raises(UserError, match=r"optim.optimizer \(AdamW\): list index out of range"):
        configure(params=[nn.Parameter(torch.zeros(1))])


def test_a_mapping_without_a_target_is_no_part_of_a_task() -> None:
    config = {"_target_": "throughtime.task.forecasting.Forecasting", "backtest": {"origins": 2}}
    with pytest.raises(
        UserError, match=r"task\.backtest=.* is of the wrong kind; Backtest or null is needed"
    ):
        instantiate(config | {"_partial_": True}, "task")


def test_a_number_where_a_text_is_needed_is_told_with_its_quotes() -> None:
    config = {"_target_": "throughtime.data.text.TextData", "path": 100}
    with pytest.raises(
        UserError, match=r"data\.path=100 is of the wrong kind.*in quotes: 'data\.path=\"100\"'"
    ):
        instantiate(config, "data")


@pytest.mark.parametrize("part", [{}, {"lr": 0.1}])
def test_a_part_without_its_class_is_told(part: dict) -> None:
    with pytest.raises(
        UserError, match=r"engine=\{.*\} describes no engine; conf/ holds those to choose from"
    ):
        instantiate(part, "engine")
    optim = {"_target_": "throughtime.optim.Optimization", "optimizer": part}
    with pytest.raises(UserError, match=r"optim.optimizer=\{.*\} describes no optimiser"):
        instantiate(optim, "optim")
