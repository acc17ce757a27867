"""A configuration builds what is on the allow-list and nothing else, however it is spelt."""

import pytest

from throughtime.cell.lstm import LSTM
from throughtime.errors import UserError
from throughtime.run.trust import locate


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
        "throughtime.data.cache.os.system",
        "throughtime.engine.auto.Native.__init__",
        "throughtime.cell.base.nn.Linear",
        "torch.optim.__builtins__",
        "lightning.pytorch.callbacks.Path",
        "LSTM",
        "",
    ],
)
def test_what_is_not_allowed_is_refused(target: str) -> None:
    with pytest.raises(UserError, match=r"^cell: "):
        locate(target, "cell")


def test_an_alias_in_an_allowed_module_does_not_lead_out_of_it() -> None:
    """`replacing` is imported by an allowed module, but it is defined in one that configurations may not reach."""
    with pytest.raises(UserError, match="leads to"):
        locate("throughtime.callback.checkpoint.Path", "callback")


def test_a_class_of_the_framework_is_found() -> None:
    assert locate("throughtime.cell.lstm.LSTM", "cell") is LSTM


def test_a_class_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"cell: there is no throughtime\.cell\.lstm\.LSTMM"):
        locate("throughtime.cell.lstm.LSTMM", "cell")
