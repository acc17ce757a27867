"""Transcribed data of files: manifests, alphabets, parts, and a sentence for what is wrong."""

import numpy as np
import pytest
import soundfile
from toy_recordings import write_spoken, write_tone

from throughtime.data.audio.audio_files import AudioFiles
from throughtime.data.strokes.stroke_files import StrokeFiles
from throughtime.data.transcribed.data import TranscribedData
from throughtime.errors import UserError

TEXTS = ["ab", "ba", "abba", "b a", "aab", "bb", "abab", "a", "b", "baa"]


@pytest.fixture
def manifest(tmp_path):
    """Ten tones with transcripts of two speakers."""
    rows = []
    for number, text in enumerate(TEXTS):
        write_tone(tmp_path / f"{number}.wav", 200 + 50 * number, 0.2 + 0.02 * number)
        rows.append(f"{number}.wav,{text},{'ann' if number % 2 else 'bob'}")
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["file,text,speaker", *rows]) + "\n")
    return file


def made(path, source=None, **arguments):
    data = TranscribedData(source or AudioFiles(cache_gigabytes=0), str(path), **arguments)
    data.setup()
    return data


def replaced(manifest, old, new):
    manifest.write_text(manifest.read_text().replace(old, new, 1))
    return manifest


def test_a_manifest_is_split_and_read_as_audio_files_are(manifest):
    data = made(manifest)
    assert data.sizes == {"train": 8, "val": 1, "test": 1} and data.symbols == [" ", "a", "b"]
    source = AudioFiles(cache_gigabytes=0)
    for split in data.sizes:
        part = data.part(split)
        found = source.read_for_prediction([manifest.parent / name for name in part.names])
        for one, other in zip(part.sequences, found.sequences, strict=True):
            np.testing.assert_array_equal(one, other)
        assert part.texts == [TEXTS[int(name.rpartition("/")[2][0])] for name in part.names]
    assert "list.csv" in data.describe()
    samples, _ = soundfile.read(data.part("test").names[0], dtype="float32")
    np.testing.assert_array_equal(data.waveform("test", 0), samples)


def test_a_speaker_is_in_one_part(manifest):
    data = made(manifest, split=(0.5, 0, 0.5), group=True, alphabet="ab ")
    speakers = [{int(name[-5]) % 2 for name in data.part(split).names} for split in ("train", "test")]
    assert {tuple(one) for one in speakers} == {(0,), (1,)}


def test_names_of_files_tell_transcripts_and_speakers(tmp_path):
    folder = write_spoken(tmp_path)
    reader = AudioFiles("{text}_{speaker}_{take}.wav", "text", test={"take": 0}, cache_gigabytes=0)
    data = made(folder, reader, group="speaker", split=(0.8, 0.2, 0))
    assert data.sizes["test"] == 6 and data.symbols == list("ghilow")


def test_ink_brings_its_transcripts(tmp_path):
    rows = [f"{number},{point},{point % 3},{TEXTS[number]}" for number in range(10) for point in range(5)]
    file = tmp_path / "ink.csv"
    file.write_text("\n".join(["id,x,y,label", *rows]) + "\n")
    data = made(file, StrokeFiles(points=8))
    assert data.sizes == {"train": 8, "val": 1, "test": 1} and data.waveform("test", 0) is None
    assert data.shown("test", 0).lines is not None and data.artifacts()["step_seconds"] is None


def test_a_manifest_names_parts_and_ink(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.svg").write_text(f'<svg><path d="M 0 0 L {number + 1} 1 L 3 0"/></svg>')
    rows = [f"{number}.svg\tab\t{part}" for number, part in enumerate(("train", "dev", "test"))]
    (tmp_path / "list.tsv").write_text("\n".join(["ink\ttext\tsplit", *rows]) + "\n")
    data = made(tmp_path / "list.tsv", StrokeFiles(points=8))
    assert [data.part(split).names[0][-5] for split in ("train", "val", "test")] == ["0", "1", "2"]


def test_a_trained_model_brings_its_alphabet_and_its_standardisation(manifest):
    data = made(manifest)
    other = TranscribedData(AudioFiles(cache_gigabytes=0), test_path=str(manifest))
    other.restore(data.artifacts())
    other.setup()
    assert other.sizes == {"test": 10} and other.symbols == data.symbols
    np.testing.assert_array_equal(other.standardiser.location, data.standardiser.location)
    replaced(manifest, ",abba", ",abbc")
    again = TranscribedData(AudioFiles(cache_gigabytes=0), test_path=str(manifest))
    again.restore(data.artifacts())
    with pytest.raises(UserError, match=r"2\.wav \(test\): the symbol 'c' of the transcript 'abbc'"):
        again.setup()
    fewer = TranscribedData(AudioFiles(deltas=0, cache_gigabytes=0), test_path=str(manifest))
    fewer.restore(data.artifacts())
    with pytest.raises(UserError, match="has 13 features a step, but the model was trained on 39"):
        fewer.setup()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3.wav", "none.wav", r"list\.csv, line 5: there is no file"),
        (",abba,", ",,", r"list\.csv, line 4: the transcript of 2\.wav is empty"),
        ("4.wav", "3.wav", r"two sequences are named .*3\.wav"),
        (",ann", ",", r"list\.csv, line 3: this line has no group"),
    ],
)
def test_a_wrong_line_of_a_manifest_is_named(manifest, old, new, message):
    with pytest.raises(UserError, match=message):
        made(replaced(manifest, old, new))


def test_a_symbol_that_is_not_in_the_alphabet_is_named(manifest):
    with pytest.raises(
        UserError, match=r"3\.wav \(\w+\): the symbol ' ' .* is not in the alphabet 'ab'; add"
    ):
        made(manifest, alphabet="ab")
    assert made(replaced(manifest, "abba", "ABBA"), lower=True).symbols == [" ", "a", "b"]
    with pytest.raises(UserError, match=r"data\.alphabet=aa"):
        made(manifest, alphabet="aa")


def test_silence_is_named(manifest):
    soundfile.write(manifest.parent / "5.wav", np.zeros(4000), 8000)
    with pytest.raises(UserError, match=r"5\.wav is silent"):
        made(manifest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "a", "train_path": "b"}, "exclude each other"),
        ({}, "there is nothing to read"),
    ],
)
def test_one_kind_of_paths_is_needed(arguments, message):
    with pytest.raises(UserError, match=message):
        TranscribedData(AudioFiles(), **arguments).setup()
