"""Spectra are those of the equations, and features and deltas follow from them."""

import kaldi_native_fbank
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_recordings import RATE, tone

from throughtime.data.audio.features import FrameFeatures, LogMel, hertz_of, mel_of, slopes
from throughtime.errors import UserError

LOG_MEL = LogMel(RATE, 24)


def equation(samples, log_mel):
    """The log-mel spectra by the equations of `LogMel`, frame by frame."""
    size, hop = int(log_mel.rate * log_mel.window / 1000), int(log_mel.rate * log_mel.hop / 1000)
    transform = 1 << (size - 1).bit_length()
    window = np.hanning(size) ** 0.85
    mels = np.linspace(*mel_of(np.array([log_mel.low, log_mel.rate / 2])), log_mel.bands + 2)
    bins = mel_of(np.arange(transform // 2) * log_mel.rate / transform)
    left, middle, right = mels[:-2, None], mels[1:-1, None], mels[2:, None]
    filters = np.clip(np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)), 0, None)
    spectra = []
    for start in range(0, len(samples) - size + 1, hop):
        frame = samples[start : start + size].astype(np.float64) * 2**15
        frame = frame - frame.mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * window, transform)[:-1]) ** 2
        spectra.append(np.log(np.maximum(filters @ power, np.finfo(np.float32).eps)))
    return np.array(spectra)


@pytest.mark.parametrize("log_mel", [LOG_MEL, LogMel(16_000, 40, 32.0, 8.0, 100.0)])
def test_spectra_are_those_of_the_equations(log_mel):
    samples = tone(700, 0.5, rate=log_mel.rate)
    np.testing.assert_allclose(log_mel(samples), equation(samples, log_mel), atol=2e-3)


@pytest.mark.parametrize("frequency", [250, 800, 2500])
def test_a_tone_is_loudest_in_the_band_of_its_frequency(frequency):
    found = LOG_MEL(tone(frequency))
    nearest = np.abs(LOG_MEL.frequencies() - frequency).argmin()
    assert set(found.argmax(1)) == {nearest}


@given(st.integers(0, 2000))
@settings(max_examples=30, deadline=None)
def test_frames_end_where_the_samples_end(count):
    found = LOG_MEL(np.random.default_rng(count).normal(size=count).astype(np.float32))
    assert found.shape == (max(0, 1 + (count - 200) // 80), 24)


def test_a_frame_reads_no_sample_after_it():
    samples = tone(300, 0.5)
    whole, part = LOG_MEL(samples), LOG_MEL(samples[:2000])
    np.testing.assert_array_equal(whole[: len(part)], part)


def test_twice_as_loud_is_two_ln_two_more():
    samples = tone()
    np.testing.assert_allclose(LOG_MEL(2 * samples) - LOG_MEL(samples), 2 * np.log(2), atol=1e-3)


def test_mel_is_the_inverse_of_hertz():
    frequencies = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(hertz_of(mel_of(frequencies)), frequencies, atol=1e-8)
    assert mel_of(np.array([1000.0]))[0] == pytest.approx(1000, abs=0.1)


def test_cepstra_are_those_of_the_library():
    options = kaldi_native_fbank.MfccOptions()
    options.frame_opts.samp_freq, options.frame_opts.dither = RATE, 0.0
    options.mel_opts.num_bins, options.num_ceps = 24, 13
    options.use_energy, options.cepstral_lifter = False, 0.0
    extractor = kaldi_native_fbank.OnlineMfcc(options)
    extractor.accept_waveform(RATE, tone() * np.float32(2**15))
    extractor.input_finished()
    expected = np.array([extractor.get_frame(number) for number in range(extractor.num_frames_ready)])
    found = FrameFeatures("mfcc", 24, 13, deltas=0).sequence(LOG_MEL(tone()))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("kind", ["logmel", "mfcc"])
@pytest.mark.parametrize("deltas", [0, 1, 2])
@pytest.mark.parametrize("energy", [False, True])
def test_every_feature_has_a_name(kind, deltas, energy):
    features = FrameFeatures(kind, 24, 13, energy, deltas)
    found = features.sequence(LOG_MEL(tone()))
    assert found.dtype == np.float32
    assert (
        found.shape[1]
        == len(set(features.channels()))
        == ((24 if kind == "logmel" else 13) + energy) * (1 + deltas)
    )
    assert ("energy" in features.channels()) == energy
    np.testing.assert_array_equal(
        features.statics(found), found[:, : 13 + energy if kind == "mfcc" else 24 + energy]
    )
    again = FrameFeatures(**features.arguments())
    assert again.channels() == features.channels()


def test_spectra_come_back_from_all_coefficients_and_are_smooth_from_some():
    spectra = LOG_MEL(tone())
    for features in (FrameFeatures("logmel", 24, energy=True), FrameFeatures("mfcc", 24, 24)):
        np.testing.assert_allclose(features.spectra(features.sequence(spectra)), spectra, atol=1e-3)
    few = FrameFeatures("mfcc", 24, 13)
    smooth = few.spectra(few.sequence(spectra))
    np.testing.assert_allclose(few.sequence(smooth), few.sequence(spectra), atol=1e-3)
    assert (
        np.abs(np.fft.rfft(smooth - spectra)[:, :4]).max() < np.abs(np.fft.rfft(smooth - spectra)).max() / 4
    )


def test_energy_is_the_logarithm_of_the_power_of_all_bands():
    spectra = LOG_MEL(tone())
    found = FrameFeatures("logmel", 24, energy=True, deltas=0).sequence(spectra)[:, -1]
    np.testing.assert_allclose(found, np.log(np.exp(spectra.astype(np.float64)).sum(1)), rtol=1e-5)


def test_the_slope_of_a_line_is_its_slope_and_of_a_constant_nothing():
    line = np.arange(9.0)[:, None] * [[1.0, -0.5, 0.0]] + 3
    np.testing.assert_allclose(slopes(line)[2:-2], np.tile([1.0, -0.5, 0.0], (5, 1)))
    assert (slopes(line)[:, 2] == 0).all()
    assert slopes(np.ones((1, 2))).tolist() == [[0.0, 0.0]]


def test_bands_and_their_deltas_are_an_image_of_each_step():
    features = FrameFeatures("logmel", 24, deltas=1)
    spectra = np.random.default_rng(0).normal(size=(9, 24)).astype(np.float32)
    channels, bands, width = features.frame_shape()
    images = features.sequence(spectra).reshape(9, channels, bands)
    assert (channels, bands, width) == (2, 24, 1)
    assert np.array_equal(images[:, 0], spectra)
    np.testing.assert_allclose(images[:, 1], slopes(spectra), rtol=1e-6)
    assert FrameFeatures("mfcc").frame_shape() is None
    assert FrameFeatures("logmel", energy=True).frame_shape() is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bands": 200}, r"data\.source\.bands=200 are too many for frames of 25 ms at 8,000 samples"),
        ({"high": 5000.0}, r"data\.source\.low=20 and data\.source\.high=5000 must be in this order"),
        ({"low": 4000.0}, r"data\.source\.low=4000"),
        ({"window": 1e9}, r"data\.source\.window=1e\+09 and data\.source\.hop=10 must be at most 10,000 ms"),
        ({"hop": 0.05}, r"data\.source\.window=25 and data\.source\.hop=0\.05 ms are less than a sample"),
    ],
)
def test_bands_and_frames_that_are_not_possible_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        LOG_MEL._replace(**change).check()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "plp"},
        {"coefficients": 0},
        {"coefficients": 41},
        {"deltas": 3},
        {"bands": 0},
        {"bands": 10**9},
    ],
)
def test_features_that_there_are_not_are_refused(change):
    with pytest.raises(UserError, match=r"^data\.source\."):
        FrameFeatures(**change)
