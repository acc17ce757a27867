"""Under torchrun a command that is started again goes on from the folder that it names."""

from dataclasses import replace

import pytest

from throughtime.cli.command_line import CHANGEABLE_ON_RESUME
from throughtime.cli.external_launcher import launched_arguments, led_by_rank_0
from throughtime.distributed.place import Place
from throughtime.errors import UserError

PLACE = Place("torchrun", 0, 2, 0, 1, "127.0.0.1", 29500, hosted=True)
RESTARTABLE = replace(PLACE, max_restarts=3)


def arguments(words: list[str], place: Place) -> list[str]:
    return launched_arguments(words, place, CHANGEABLE_ON_RESUME)


def test_without_a_launcher_nothing_changes(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with led_by_rank_0() as place:
        assert place is None


def test_what_is_never_restarted_needs_no_folder():
    assert arguments(["task=textgen", "trainer=ddp"], PLACE) == ["task=textgen", "trainer=ddp"]


@pytest.mark.parametrize("words", [[], ["hydra.run.dir=runs/${now:%H}"]], ids=["none", "another each time"])
def test_what_may_be_restarted_names_its_folder(words):
    with pytest.raises(UserError, match=r"torchrun may start this command again.*hydra\.run\.dir="):
        arguments(["task=textgen", *words], RESTARTABLE)


def test_a_restart_goes_on_from_the_checkpoint_and_keeps_what_may_change(tmp_path):
    words = [
        "task=textgen",
        "trainer=ddp",
        "data.batch_size=4",
        "trainer.max_steps=9",
        f"hydra.run.dir={tmp_path}/a b",
    ]
    again = replace(RESTARTABLE, restarts=1)
    assert arguments(words, RESTARTABLE) == words
    assert arguments(words, again) == words  # it was stopped before its first checkpoint
    (tmp_path / "a b" / "checkpoints").mkdir(parents=True)
    (tmp_path / "a b" / "checkpoints" / ".last.ckpt-half").touch()
    assert arguments(words, again) == words
    (tmp_path / "a b" / "checkpoints" / "last.ckpt").touch()
    assert arguments(words, again) == ["trainer.max_steps=9", f"resume='{tmp_path}/a b'"]


def test_a_resumed_run_is_resumed_again():
    words = ["resume=runs/x", "trainer.max_steps=9"]
    assert arguments(words, replace(RESTARTABLE, restarts=2)) == words


def test_a_sweep_is_refused():
    with pytest.raises(UserError, match="-m: a sweep starts processes of its own; run it without torchrun"):
        arguments(["-m", "seed=1,2"], PLACE)
