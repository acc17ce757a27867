"""A slip is told with the nearest valid key, whatever library noticed it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from throughtime.config.config_errors import explain, in_one_sentence
from throughtime.errors import UserError

CONFIGURATIONS = Path(__file__).resolve().parent.parent.parent / "conf"


def told(configuration: Callable[..., Any], *typed: str) -> str:
    with pytest.raises((HydraException, OmegaConfBaseException)) as caught:
        configuration(*typed)
    return explain(caught.value, list(typed), CONFIGURATIONS)


@pytest.mark.parametrize(
    "key",
    [
        "cell.hidden_size",
        "data.chunk_length",
        "trainer.max_steps",
        "optim.optimizer.lr",
        "task.horizon",
        "seed",
    ],
)
@pytest.mark.parametrize("slip", ["drop", "swap", "double"])
def test_a_slip_of_the_finger_leads_back_to_the_key(key: str, slip: str, configuration: Callable) -> None:
    wrong = {"drop": key[:-2] + key[-1], "swap": key[:-2] + key[-1] + key[-2], "double": key + key[-1]}[slip]
    sentence = told(configuration, f"{wrong}=3")
    assert sentence.startswith(f"{wrong} is not a key") and sentence.endswith(f"did you mean {key}?")


def test_a_key_without_its_group_is_found_by_its_last_part(configuration: Callable) -> None:
    assert told(configuration, "hidden_size=3").endswith("did you mean cell.hidden_size?")
    assert told(configuration, "learning.chunk_length=3").endswith("did you mean data.chunk_length?")


def test_the_keys_of_what_was_chosen_are_known(configuration: Callable) -> None:
    assert told(configuration, "cell=gru", "cell.reste=before").endswith("did you mean cell.reset?")


def test_a_key_like_no_other_gets_no_guess(configuration: Callable) -> None:
    assert told(configuration, "zzzzqqq=3").endswith("python train.py --cfg job shows every key")


def test_no_private_key_is_proposed(configuration: Callable) -> None:
    assert "_partial_" not in told(configuration, "cell._partial=3")


def test_a_choice_is_told_with_the_others(configuration: Callable) -> None:
    sentence = told(configuration, "optim/schedule=cosin")
    assert "did you mean optim/schedule=cosine?" in sentence and "plateau" in sentence


def test_what_is_a_sentence_already_stays(configuration: Callable) -> None:
    assert explain(UserError("plain words"), [], CONFIGURATIONS) == "plain words"


def test_a_value_that_leads_nowhere_is_told_by_its_key() -> None:
    config = OmegaConf.create({"cell": {"hidden_size": "${nowhere}"}})
    with pytest.raises(OmegaConfBaseException) as caught:
        OmegaConf.to_container(config, resolve=True)
    assert in_one_sentence(caught.value) == "cell.hidden_size: Interpolation key 'nowhere' not found"


def test_the_systems_complaint_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        (tmp_path / "none").read_text()
    assert in_one_sentence(caught.value) == f"{tmp_path / 'none'}: No such file or directory"


@pytest.mark.parametrize("typed", ["cell.hidden_size=interval(a,b)", "cell.hidden_size=range(1,x)"])
def test_what_is_swept_over_takes_numbers_and_no_quotes(typed: str, configuration: Callable) -> None:
    sentence = told(configuration, typed)
    word = typed.partition("=")[2].partition("(")[0]
    assert "takes" in sentence and f"such as {word}(" in sentence and '"' not in sentence
