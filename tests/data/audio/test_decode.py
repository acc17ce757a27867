"""Recordings of every format give the same samples, and damaged ones are named."""

import numpy as np
import pytest
import soundfile
from toy_recordings import RATE, tone, write_tone

from throughtime.data.audio.decode import change_rate, read_info, read_samples
from throughtime.errors import UserError


def read(file, longest=10):
    return read_samples(file, read_info(file, longest))


@pytest.mark.parametrize(("suffix", "tolerance"), [("wav", 1e-4), ("flac", 1e-4), ("ogg", 0.1)])
def test_formats_give_the_samples_that_were_written(suffix, tolerance, tmp_path):
    file = write_tone(tmp_path / f"a.{suffix}")
    info = read_info(file, 10)
    assert (info.rate, info.channels, info.samples) == (RATE, 1, len(tone()))
    found = read_samples(file, info)
    assert found.dtype == np.float32
    assert np.abs(found - tone()).max() < tolerance


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
def test_every_kind_of_sample_is_from_minus_one_to_one(subtype, tmp_path):
    assert np.abs(read(write_tone(tmp_path / "a.wav", subtype=subtype)) - tone()).max() < 0.02


def test_stereo_is_mixed_down_to_the_mean(tmp_path):
    left, right = tone(300), tone(500)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    assert read_info(tmp_path / "a.wav", 10).channels == 2
    np.testing.assert_allclose(read(tmp_path / "a.wav"), (left + right) / 2, atol=1e-6)


def test_a_tone_keeps_its_frequency_at_another_rate():
    samples = tone(440, 1.0, rate=44_100)
    found = change_rate(samples, 44_100, RATE)
    assert len(found) == RATE and found.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(found))
    assert spectrum.argmax() == 440
    np.testing.assert_array_equal(change_rate(samples, RATE, RATE), samples)


def test_what_the_lower_rate_cannot_hold_is_filtered_out():
    found = change_rate(tone(3000, 1.0), RATE, 4000)
    assert np.abs(found[100:-100]).max() < 0.06  # not mirrored to 1,000 Hz; the noise stays


def corrupt(file, kind):
    content = file.read_bytes()
    if kind == "no bytes":
        file.write_bytes(b"")
    elif kind == "no samples":
        soundfile.write(file, np.zeros(0), RATE)
    elif kind == "no audio":
        file.write_bytes(b"RIFF\x10\x00\x00\x00WAVEnothing that is audio")
    elif kind == "text":
        file.write_text("this is a text\n")
    elif kind == "cut off":
        file.write_bytes(content[: len(content) // 2])
    elif kind == "cut within the header":
        file.write_bytes(content[:20])
    elif kind == "six channels":
        soundfile.write(file, np.ones((100, 6)) * np.arange(100)[:, None] / 100, RATE)
    elif kind == "not finite":
        samples = tone()
        samples[800] = np.nan
        soundfile.write(file, samples, RATE, subtype="FLOAT")
    elif kind == "silence":
        soundfile.write(file, np.zeros(1000), RATE)
    elif kind == "rate":
        soundfile.write(file, tone(), 100)
    elif kind == "long":
        soundfile.write(file, np.resize(tone(), 11 * RATE), RATE)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no bytes", r"a\.wav is empty"),
        ("no samples", r"a\.wav holds no sample"),
        ("no audio", r"a\.wav (is cut off|cannot be read as audio)"),
        ("text", r"a\.wav cannot be read as audio \(Format not recognised\)"),
        ("cut off", r"a\.wav is cut off: its header announces 4,844 bytes, and it has 2,422"),
        ("cut within the header", r"a\.wav is cut off"),
        ("six channels", r"a\.wav has 6 channels; give a mono or a stereo recording"),
        ("not finite", r"a\.wav: the sample at 0\.1000 s is nan"),
        ("silence", r"a\.wav is silent: all of its samples are 0"),
        ("rate", r"a\.wav has 100 samples a second"),
        ("long", r"a\.wav has 11 s, more than data\.source\.longest=10"),
    ],
)
def test_a_damaged_recording_is_named(kind, message, tmp_path):
    file = write_tone(tmp_path / "a.wav")
    corrupt(file, kind)
    with pytest.raises(UserError, match=message):
        read(file)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_a_part_of_a_compressed_recording_is_not_read_as_a_whole_one(suffix, share, tmp_path):
    file = write_tone(tmp_path / f"a.{suffix}", 440, 5.0)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=rf"a\.{suffix} (is cut off|cannot be read)"):
        read(file)


def test_a_header_that_announces_more_than_there_is_takes_no_memory(tmp_path):
    file = write_tone(tmp_path / "a.flac")
    content = bytearray(file.read_bytes())
    content[21] |= 0x0F  # of the 36 bits that count the samples
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.flac has [\d,]+ s, more than data\.source\.longest"):
        read(file)


def test_a_wav_file_that_was_written_to_a_pipe_is_whole(tmp_path):
    file = write_tone(tmp_path / "a.wav")
    content = bytearray(file.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    file.write_bytes(content)
    np.testing.assert_allclose(read(file), tone(), atol=1e-4)
