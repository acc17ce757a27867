"""Folders and patterns of recordings become sequences of one kind, and what does not fit is named."""

import shutil

import numpy as np
import pytest
import soundfile
from toy_recordings import RATE, tone, write_spoken, write_tone

from throughtime.data.audio import audio_files
from throughtime.data.audio.audio_files import AudioFiles
from throughtime.data.labelled import LabelledData
from throughtime.errors import UserError

PATTERN = {"pattern": "{pitch}_{speaker}_{take}.wav", "label": "pitch"}


@pytest.fixture
def folder(tmp_path):
    for name, frequency in (("low", 200), ("high", 900)):
        for number in range(3):
            write_tone(tmp_path / "tones" / name / f"{number}.wav", frequency + number)
    return tmp_path / "tones"


@pytest.fixture
def spoken(tmp_path):
    return write_spoken(tmp_path / "spoken")


def test_a_folder_for_each_class(folder):
    found = AudioFiles().read(str(folder))
    found.check()
    assert found.labels == ["high"] * 3 + ["low"] * 3
    assert found.names[4] == str(folder / "low" / "1.wav")
    assert found.sequences[0].shape == (28, 39) and found.sequences[0].dtype == np.float32
    assert found.channels[:2] == ("c0", "c1") and found.channels[13] == "Δc0" and found.groups is None


def test_a_pattern_names_labels_groups_and_parts(spoken):
    source = AudioFiles(**PATTERN, test={"take": [0, 1]}, val={"take": 3})
    source.group_by("speaker")
    found = source.read(str(spoken))
    found.check()
    assert set(found.labels) == {"high", "low"} and set(found.groups) == {"ann", "bob", "eve"}
    takes = [name[-5] for name in found.names]
    assert found.split == [{"0": "test", "1": "test", "2": "train", "3": "val"}[take] for take in takes]


def test_no_speaker_is_in_two_parts(spoken):
    data = LabelledData(AudioFiles(**PATTERN), path=str(spoken), group="speaker", folds=3, split=[1, 0, 0])
    data.setup()
    assert data.sizes == {"train": 16, "test": 8}
    assert not set(data.part("train").groups) & set(data.part("test").groups)


def test_rates_and_channels_are_made_alike_and_told(folder):
    write_tone(folder / "low" / "fast.flac", 440, rate=44_100)
    soundfile.write(folder / "low" / "stereo.wav", np.stack([tone(300)] * 2, 1), RATE)
    (folder / "low" / "notes.txt").write_text("not a recording")
    found = AudioFiles().read(str(folder))
    assert found.description == (
        f"recordings at 8,000 Hz ({folder}, 1 resampled, 1 mixed down from stereo, 1 other files left out)"
    )
    assert {len(sequence) for sequence in found.sequences} == {28}
    assert AudioFiles(rate=16_000).read(str(folder)).description.startswith("recordings at 16,000 Hz")


def test_the_same_tone_has_the_same_features_at_every_rate(tmp_path):
    for rate in (8000, 11_025, 44_100):
        write_tone(tmp_path / "a" / f"{rate}.wav", 300, 0.5, rate=rate)
    source = AudioFiles(features="logmel", bands=24, deltas=0)
    sequences = source.read(str(tmp_path)).sequences
    loudest = {int(sequence.argmax(1)[10]) for sequence in sequences}
    assert len(loudest) == 1


def test_predictions_read_as_training_did(spoken, tmp_path):
    source = AudioFiles(**PATTERN, test={"take": 0}, features="logmel", energy=True, hop=20, low=50)
    trained = source.read(str(spoken))
    again = AudioFiles.from_state(source.state())
    other = write_tone(tmp_path / "other.ogg", 500, rate=16_000)
    found = again.read_for_prediction([spoken / "low_bob_1.wav", other])
    assert found.labels == ["low", None] and found.names == [str(spoken / "low_bob_1.wav"), str(other)]
    assert found.split is None and found.channels == trained.channels
    np.testing.assert_array_equal(found.sequences[0], trained.sequences[trained.names.index(found.names[0])])
    assert again.state() == source.state()
    restored = AudioFiles(**PATTERN, test={"take": 7})
    restored.restore(source.state())
    assert restored.log_mel.rate == RATE
    assert set(restored.read(str(spoken)).split) == {"train"}  # a model is measured on other data too


def test_features_are_computed_once(folder, monkeypatch):
    first = AudioFiles().read(str(folder))
    monkeypatch.setattr(audio_files, "read_samples", lambda *_: pytest.fail("decoded again"))
    second = AudioFiles(deltas=2).read(str(folder))
    for one, other in zip(first.sequences, second.sequences, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(pytest.fail.Exception):
        AudioFiles(hop=20).read(str(folder))
    with pytest.raises(pytest.fail.Exception):
        AudioFiles(cache_gigabytes=0).read(str(folder))


def test_figures_and_warping_read_spectra_and_coefficients(folder):
    source = AudioFiles(bands=24)
    sequence = source.read(str(folder)).sequences[0]
    shown = source.shown(sequence)
    assert shown.values.shape == (28, 24) and shown.axis == "mel band" and shown.upwards
    assert source.series(sequence).shape == (28, 13)


def spoil(folder, kind):
    if kind == "no folder":
        shutil.rmtree(folder)
    elif kind == "empty folder":
        shutil.rmtree(folder)
        folder.mkdir()
    elif kind == "empty class":
        (folder / "middle").mkdir()
    elif kind == "loose":
        write_tone(folder / "loose.wav")
    elif kind == "one name":
        write_tone(folder / "low" / "0.flac")
    elif kind == "short":
        write_tone(folder / "low" / "0.wav", seconds=0.02)
    elif kind == "no bytes":
        (folder / "low" / "0.wav").write_bytes(b"")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no folder", "data.path=.* does not exist"),
        ("empty folder", "has no folder in it"),
        ("empty class", "middle holds no recording"),
        ("loose", r"loose\.wav lies beside the folders of the classes"),
        ("one name", r"0\.flac and .*0\.wav have one name"),
        ("short", r"0\.wav has 0\.020 s, less than a frame of data\.source\.window=25 ms"),
        ("no bytes", r"0\.wav is empty"),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(kind, message, folder):
    spoil(folder, kind)
    with pytest.raises(UserError, match=message):
        AudioFiles().read(str(folder))


def test_what_does_not_match_a_pattern_is_named(spoken):
    write_tone(spoken / "low_ann.wav")
    with pytest.raises(UserError, match=r"low_ann\.wav does not match data\.source\.pattern="):
        AudioFiles(**PATTERN).read(str(spoken))
    (spoken / "low_ann.wav").unlink()
    write_tone(spoken / "more" / "low_ann_0.wav")
    with pytest.raises(UserError, match=r"low_ann_0\.wav and .*more/low_ann_0\.wav have one name"):
        AudioFiles(**PATTERN).read(str(spoken))
    with pytest.raises(UserError, match=r"data\.source\.test: no file has take=7"):
        AudioFiles(**PATTERN, test={"take": [0, 7]}).read(str(spoken / "more"))
    with pytest.raises(UserError, match=r"low_ann_0\.wav is of data\.source\.test and of data\.source\.val"):
        AudioFiles(**PATTERN, test={"take": 0}, val={"speaker": "ann"}).read(str(spoken / "more"))


def test_files_without_a_class_are_named(folder):
    with pytest.raises(UserError, match="is no folder and does not say classes"):
        AudioFiles().read(str(folder / "low" / "0.wav"))
    with pytest.raises(UserError, match="has no folder in it"):
        AudioFiles().read(str(folder / "low"))
    with pytest.raises(UserError, match="holds no recording"):
        (folder / "low" / "a.txt").write_text("x")
        AudioFiles().read_for_prediction([folder / "low" / "a.txt"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"label": "digit"}, "names a group of data.source.pattern"),
        ({"pattern": "{a}_{b}"}, "must be one of the groups of data.source.pattern: a, b"),
        ({"pattern": "{a}_{b}", "label": "c"}, "must be one of the groups"),
        ({"test": {"take": 1}}, "there is no group take in data.source.pattern"),
        ({"rate": 0}, "data.source.rate=0 must be from 1,000"),
        ({"longest": 0}, "data.source.longest must be above 0"),
        ({"cache_gigabytes": -1}, "data.source.cache_gigabytes=-1"),
        ({"features": "plp"}, "data.source.features=plp"),
        ({"rate": 8000, "high": 5000}, "data.source.high=5000"),
    ],
)
def test_unknown_settings_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        AudioFiles(**given)


def test_a_group_that_there_is_not_is_refused():
    with pytest.raises(UserError, match=r"data\.group=take: .*it has none"):
        AudioFiles().group_by("take")
    with pytest.raises(UserError, match=r"it has pitch, speaker, take"):
        AudioFiles(**PATTERN).group_by("writer")
