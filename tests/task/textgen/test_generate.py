"""Text from a checkpoint alone: the same seed writes the same, and mistakes are told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.errors import UserError
from throughtime.inference.load import load
from throughtime.task.textgen.generate import Writer

SCRIPT = "scripts/generate.py"


def text(path: Path, prompt: str = "a", length: int = 40, **arguments: object) -> str:
    return "".join(Writer(load(path).task, **arguments).write(prompt, length))


def test_the_same_seed_writes_the_same_and_another_one_another(trained) -> None:
    assert text(trained.run, seed=1) == text(trained.run, seed=1) != text(trained.run, seed=2)
    assert len(text(trained.run, seed=1)) == 40


def test_a_beam_needs_no_seed(trained) -> None:
    assert text(trained.run, beam=3, seed=1) == text(trained.run, beam=3, seed=2)


def test_temperature_0_the_best_alone_and_the_tiniest_mass_agree(trained) -> None:
    greedy = text(trained.run, temperature=0.0)
    assert greedy == text(trained.run, top_k=1) == text(trained.run, top_p=1e-9)


def test_samples_differ_and_each_begins_with_the_prompt(trained, tmp_path: Path) -> None:
    with (tmp_path / "samples").open("w+") as out:
        Writer(load(trained.run).task, seed=5).show("abc", 30, 3, out)
        out.seek(0)
        written = out.read()
    samples = written.removesuffix("\n").split("\n\nabc")
    assert len(samples) == 3 == len(set(samples)) and samples[0].startswith("abc")


def test_the_checkpoint_alone_suffices_from_any_folder(command, trained, tmp_path: Path) -> None:
    """Neither the run, nor its text, nor conf/ is asked: the file is read from a folder that holds nothing else."""
    (tmp_path / "alone").mkdir()
    shutil.copy(trained.run / "checkpoints" / "best.ckpt", tmp_path / "alone" / "model.ckpt")
    options = ("--prompt", "ab", "--length", "30", "--seed", "7")
    elsewhere = command(SCRIPT, "model.ckpt", *options, folder=tmp_path / "alone")
    assert (elsewhere.returncode, elsewhere.stderr) == (0, "")
    assert elsewhere.stdout == command(SCRIPT, trained.run, *options).stdout
    assert elsewhere.stdout.startswith("ab") and len(elsewhere.stdout) == 2 + 30 + 1


def test_interactive_answers_prompt_after_prompt_until_an_empty_line(
    command, trained, tmp_path: Path
) -> None:
    (tmp_path / "typed").write_text("ab\ncd\n\nef\n")
    options = ("--interactive", "--length", "10", "--seed", "1")
    finished = command(SCRIPT, trained.run, *options, stdin=tmp_path / "typed")
    assert (finished.returncode, finished.stderr) == (0, "")
    answers = finished.stdout.split("> ")
    assert len(answers) == 4 and answers[1].startswith("ab") and answers[2].startswith("cd")


def test_a_script_tells_a_mistake_in_one_sentence(command, trained, tmp_path: Path) -> None:
    for arguments in ((tmp_path / "none",), (trained.run, "--length", "0"), (trained.run, "--top-k", "0")):
        finished = command(SCRIPT, *arguments)
        assert finished.returncode == 2
        assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1


def test_a_prompt_with_an_unseen_symbol_follows_the_policy(trained, fit_small: Callable[..., Path]) -> None:
    assert len(text(trained.run, prompt="aZ", length=5)) == 5
    strict = fit_small("tokenizer.unknown=error", "trainer.max_steps=1", name="strict")
    with pytest.raises(UserError, match=r"Z.*the prompt"):
        text(strict, prompt="aZ")
    assert len(text(strict, prompt="ab", length=5)) == 5


def test_lines_end_by_themselves(fit_small: Callable[..., Path]) -> None:
    run = fit_small(
        "data=lines",
        "trainer.max_steps=60",
        "trainer.val_check_interval=60",
        "optim.optimizer.lr=0.05",
        "optim.schedule.warmup_steps=0",
        without="data.chunk_length",
    )
    lengths = [len(text(run, prompt="", length=300, seed=seed)) for seed in range(8)]
    assert min(lengths) < 300


@pytest.mark.parametrize("tokenizer", ["words", "bpe", "bytes"])
def test_every_tokenizer_trains_and_writes(tokenizer: str, fit_small: Callable[..., Path]) -> None:
    size = () if tokenizer == "bytes" else ("tokenizer.vocabulary_size=300",)
    run = fit_small("data=text", f"tokenizer={tokenizer}", *size, "trainer.max_steps=3")
    assert text(run, prompt="ab", length=10, seed=1) == text(run, prompt="ab", length=10, seed=1) != ""
