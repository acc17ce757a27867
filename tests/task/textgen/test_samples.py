"""Samples are written at each validation and leave no trace in training."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.task.textgen.samples import TextSamples, as_code_blocks


def test_a_file_for_each_validation_and_none_for_the_sanity_check(fit, tmp_path):
    fit(TextSamples("ab", length=20, count=3), num_sanity_val_steps=2)
    files = sorted((tmp_path / "samples").iterdir())
    assert [file.name for file in files] == ["step_000004.txt", "step_000008.txt", "step_000012.txt"]
    assert all(file.read_text().count("--- sample") == 3 for file in files)


def test_the_same_seed_gives_the_same_samples(fit, tmp_path):
    fit(TextSamples(length=20, seed=5))
    first = (tmp_path / "samples" / "step_000004.txt").read_text()
    fit(TextSamples(length=20, seed=5), logger=False)
    assert first == (tmp_path / "samples" / "step_000004.txt").read_text()
    fit(TextSamples(length=20, seed=6), logger=False)
    assert first != (tmp_path / "samples" / "step_000004.txt").read_text()


def test_training_goes_on_as_if_no_sample_had_been_written(fit, task):
    """The task has dropout, so that another random number would change its weights."""
    start = {name: value.clone() for name, value in task.state_dict().items()}
    ends = []
    for callbacks in ((), (TextSamples(length=20),)):
        task.load_state_dict(start)
        torch.manual_seed(7)
        fit(*callbacks, logger=False)
        assert task.line[1].training
        ends.append([parameter.clone() for parameter in task.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))


def test_tensorboard_shows_the_text_as_it_is(fit, task, tensorboard, tmp_path):
    task.write_one = lambda prompt, *_: prompt + "# no *heading*\n\n  <b>`x`</b>\n```\n\ny"
    fit(TextSamples("p", count=2))
    shown = tensorboard("/data/plugin/text/text?run=.&tag=samples/text_summary")
    assert [entry["step"] for entry in shown] == [4, 8, 12]
    html = shown[0]["text"]
    assert html.count("<pre><code>p# no *heading*\n\n  &lt;b&gt;`x`&lt;/b&gt;\n```\n\ny\n</code></pre>") == 2


def test_markdown_keeps_samples_apart():
    assert as_code_blocks(["a\n\nb", "c"]) == "sample 1\n\n    a\n    \n    b\n\nsample 2\n\n    c"


def test_no_logger_is_no_hindrance(fit, tmp_path):
    fit(TextSamples(), logger=False)
    assert (tmp_path / "samples" / "step_000004.txt").exists()


def test_nothing_to_write_is_refused():
    with pytest.raises(UserError, match="length"):
        TextSamples(length=0)
