"""benchmark.py memory: that segments and streams take less, in miniature."""

import pytest
from benchmarks.memory import chunk, measure, stream

SMALL = ("engine=fused", "cell.hidden_size=8", "model.front.size=4", "callback.samples.length=5")


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("so much depends upon a red wheel barrow glazed with rain water " * 400)
    return path


def test_a_chunk_has_a_peak_and_a_time(text):
    settings = [
        *SMALL,
        f"data.path={text}",
        "data.batch_size=1",
        "data.chunk_length=400",
        "engine.recompute=true",
    ]
    memory, time = chunk(settings, 1000, 1)
    assert memory >= 0
    assert time > 0


@pytest.mark.slow
def test_a_run_over_ten_million_tokens_takes_the_memory_of_one_over_a_million(text):
    settings = [
        *SMALL,
        f"data.path={text}",
        "data.batch_size=16",
        "data.chunk_length=128",
        "trainer.val_check_interval=500",
    ]
    short, long = (stream(settings, tokens) for tokens in (10**6, 10**7))
    assert long < 1.02 * short


@pytest.mark.slow
def test_the_command_measures_chunks_and_streams_in_processes_of_their_own(text):
    figures = measure([*SMALL, f"data.path={text}", "debug=fast"], rounds=1, steps=64)
    assert figures["time ratio"] > 0
    assert all(figures[name] > 0 for name in figures if name.startswith("peak of a run"))
    assert len([name for name in figures if name.startswith("peak of a run")]) == 2
