"""Strings of spoken words: one speaker each, recordings of one part each, gaps and levels as asked for."""

import numpy as np
import pytest
from toy_recordings import RATE, write_spoken, write_tone

from throughtime.data.transcribed.data import TranscribedData
from throughtime.data.transcribed.spoken_strings import SpokenStrings
from throughtime.errors import UserError

PATTERN = "{word}_{speaker}_{take}.wav"


def source(**arguments):
    given = {"test": {"take": [0]}, "val": {"take": 1}, "strings": 30, "eval_strings": 10, "speed": 0.0}
    return SpokenStrings(PATTERN, **{"label": "word", **given, "separator": " ", **arguments})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(write_spoken(tmp_path_factory.mktemp("spoken")))


@pytest.fixture
def made(folder):
    def make(**arguments):
        found = source(**arguments)
        found.prepare(folder, restored=False)
        return found

    return make


def test_a_string_has_recordings_of_one_speaker_and_of_its_part(made, monkeypatch):
    found = made()
    used = []
    recordings = found._recordings

    class Watched(list):
        def __getitem__(self, number):
            used.append(number)
            return recordings[number]

    found._recordings = Watched(recordings)
    place = {
        number: (split, speaker, word)
        for split, speakers in found._of_word.items()
        for speaker, words in speakers.items()
        for word, numbers in words.items()
        for number in numbers
    }
    assert len(place) == len(recordings) == 24
    for split in ("train", "val", "test"):
        for number in range(10):
            used.clear()
            one = found.draw(split, number, np.random.default_rng(number))
            assert {place[recording][0] for recording in used} == {split}
            assert len({place[recording][1] for recording in used}) == 1
            assert one.text.split() == [place[recording][2] for recording in used]
            assert len(used) == 3 + number % 5


def test_words_lie_between_gaps_and_above_the_noise(made):
    found = made(gap=[0.1, 0.2], noise=[40, 40], level=0)
    one = found.draw("val", 0, np.random.default_rng(0))
    loud = np.abs(one.samples) > 0.02
    changes = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    gaps = np.diff(changes)[1::2]
    assert (gaps > 0.09 * RATE).sum() == len(one.text.split()) - 1
    assert changes[0] > 0.09 * RATE and len(one.samples) - changes[-1] > 0.09 * RATE
    assert gaps.max() < 0.25 * RATE
    words = one.samples[changes[0] : changes[0] + 1000]
    noise = one.samples[: int(0.09 * RATE)]
    assert 20 * np.log10(words.std() / noise.std()) == pytest.approx(40, abs=2)


def test_a_string_is_a_function_of_its_generator_and_its_speed_changes_in_training_alone(made):
    one, again = (made().draw("train", 0, np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(one.sequence, again.sequence)
    faster = made(speed=0.3)
    assert len(faster.draw("train", 0, np.random.default_rng(2)).samples) != len(one.samples)
    assert made().digest() == made().digest() != faster.digest()


def test_speakers_can_be_the_test_part(made):
    found = made(test={"speaker": "eve", "take": None}, val={"take": 3})
    assert set(found._of_word["test"]) == {"eve"} and set(found._of_word["train"]) == {"ann", "bob"}


def test_data_of_strings(folder):
    data = TranscribedData(source(), path=folder)
    data.setup()
    assert data.sizes == {"train": 30, "val": 10, "test": 10}
    assert (
        data.symbols == [" ", "g", "h", "i", "l", "o", "w"]
        and "24 recordings of 3 speakers" in data.describe()
    )
    assert data.waveform("val", 0) is not None and data.artifacts()["step_seconds"] == 0.01
    other = TranscribedData(source(), path=folder)
    other.restore(data.artifacts())
    other.setup()
    assert other.fingerprint() == data.fingerprint()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"words": [4, 3]}, r"data\.source\.words=\[4, 3\]"),
        ({"gap": [-1, 3]}, r"data\.source\.gap"),
        ({"speed": 0.9}, "from 0 to 0.5"),
        ({"level": 90}, "from 0 to 60"),
        ({"label": "digit"}, "data.source.label=digit is not known"),
        ({"test": {"take": [9]}}, "no file has take=9"),
    ],
)
def test_a_wrong_argument_is_refused(made, arguments, message):
    with pytest.raises(UserError, match=message):
        made(**arguments)


def test_recordings_are_needed_and_must_match(tmp_path):
    with pytest.raises(UserError, match=r"data\.path: name the folder of the recordings"):
        source().prepare(None, restored=False)
    write_tone(tmp_path / "other.wav")
    with pytest.raises(UserError, match=r"other\.wav does not match"):
        source().prepare(str(tmp_path), restored=False)
