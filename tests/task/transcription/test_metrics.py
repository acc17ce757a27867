"""Error rates of transcripts: edits over symbols, in any order and on any number of processes."""

import pytest

from throughtime.distributed.collectives import rank
from throughtime.task.transcription.metrics import Transcribed, TranscriptMetrics

FOUND = [
    Transcribed(0, "ab cd", "ab cd", True),
    Transcribed(1, "abc", "ac", True),
    Transcribed(2, "a b", "b b b", True),
    Transcribed(3, "aaaa", "", False),
]


def test_rates_are_edits_over_all_symbols_and_all_words():
    values = TranscriptMetrics(FOUND).values()
    assert values["cer"] == pytest.approx((0 + 1 + 3 + 4) / (5 + 3 + 3 + 4))
    assert values["wer"] == pytest.approx((0 + 1 + 2 + 1) / (2 + 1 + 2 + 1))
    assert values["sentence_accuracy"] == 1 / 4 and values["left_out"] == 1


def test_the_worst_come_first_and_sequences_without_an_error_never():
    worst = TranscriptMetrics(FOUND).worst(2)
    assert [(one.number, edits) for one, edits in worst] == [(3, 4), (2, 3)]
    assert len(TranscriptMetrics(FOUND).worst(10)) == 3


def of_this_rank():
    return TranscriptMetrics(FOUND[::-1][rank() :: 2]).over_all_ranks().found


def test_the_ranks_have_all_transcripts_in_their_order(in_processes):
    assert in_processes(of_this_rank) == [FOUND, FOUND]


def test_without_a_sequence_there_is_no_metric():
    assert TranscriptMetrics().values() == {}
