"""Distortions follow from their generator alone, and do what their names say."""

import numpy as np
import pytest
from toy_recordings import RATE, tone
from toy_sequences import ToySource

from throughtime.data.audio.audio_distortions import AudioDistortions
from throughtime.data.audio.audio_files import AudioFiles
from throughtime.data.audio.decode import change_rate
from throughtime.errors import UserError

ALL = {"speed": 0.2, "stretch": 0.2, "warp": 0.2, "noise": 10, "time_mask": 0.3, "frequency_mask": 0.3}
LENGTH_STAYS = ("warp", "noise", "time_mask", "frequency_mask")


def make(features="logmel", **settings):
    source = AudioFiles(features=features, deltas=1, bands=24, rate=RATE)
    distortions = AudioDistortions(**settings)
    distortions.connect(source)
    return source, distortions


def distorted(samples, seed=0, features="logmel", **settings):
    source, distortions = make(features, **settings)
    sequence = source.frame_features.sequence(source.log_mel(samples))
    return sequence, distortions(sequence, np.random.default_rng(seed))


class Fixed(np.random.Generator):
    """A generator that always gives the same share of what is possible."""

    def __init__(self, number):
        super().__init__(np.random.PCG64(0))
        self.number = number

    def uniform(self, low=0.0, high=1.0):
        return low + self.number * (high - low)

    def integers(self, end):
        return int(self.number * (end - 1))


@pytest.mark.parametrize("features", ["logmel", "mfcc"])
def test_nothing_is_changed_by_default(features):
    sequence, found = distorted(tone(), features=features)
    assert found is sequence


@pytest.mark.parametrize("features", ["logmel", "mfcc"])
@pytest.mark.parametrize("name", ALL)
def test_each_changes_the_features(name, features):
    sequence, found = distorted(tone(), seed=3, features=features, **{name: ALL[name]})
    assert found.shape[1] == sequence.shape[1] and found.dtype == np.float32 and np.isfinite(found).all()
    if name in LENGTH_STAYS:
        assert len(found) == len(sequence) and not np.allclose(found, sequence)
    else:
        assert len(found) != len(sequence)


def test_the_same_generator_gives_the_same_features():
    np.testing.assert_array_equal(distorted(tone(), **ALL)[1], distorted(tone(), **ALL)[1])
    assert not np.array_equal(distorted(tone(), **ALL)[1], distorted(tone(), seed=1, **ALL)[1])


@pytest.mark.parametrize("direction", [0.0, 1.0])
def test_speed_is_that_of_a_recording_played_faster(direction):
    """A chirp that is resampled has the spectra of the distorted one, up to the interpolation."""
    times = np.arange(RATE) / RATE
    samples = (0.3 * np.sin(2 * np.pi * (300 * times + 300 * times**2))).astype(np.float32)
    source, distortions = make(speed=0.2)
    speed = 1 + 0.2 * (2 * direction - 1)
    found = source.frame_features.spectra(
        distortions(source.frame_features.sequence(source.log_mel(samples)), Fixed(direction))
    )
    played = source.log_mel(change_rate(samples, int(speed * 1000), 1000))
    assert abs(len(found) - len(played)) <= 2
    steps = min(len(found), len(played))
    peaks, expected = found[:steps].argmax(1), played[:steps].argmax(1)
    assert np.abs(peaks - expected).max() <= 1


def test_noise_has_the_ratio_that_was_asked_for():
    source, distortions = make(noise=10)
    features = source.frame_features
    spectra = source.log_mel(tone(seconds=1.0)).astype(np.float64)
    noisy = features.spectra(distortions(features.sequence(spectra), Fixed(0.0))).astype(np.float64)
    signal, noise = np.exp(spectra).sum(), np.exp(noisy).sum() - np.exp(spectra).sum()
    assert 10 * np.log10(signal / noise) == pytest.approx(10, abs=0.1)


def test_masks_cover_shares_of_the_frames_and_of_the_bands():
    source, distortions = make(time_mask=0.25, frequency_mask=0.5)
    features = source.frame_features
    spectra = source.log_mel(tone(seconds=1.0))
    masked = features.spectra(distortions(features.sequence(spectra), Fixed(1.0)))
    mean = np.isclose(masked, spectra.mean(0), atol=1e-4)
    frames, bands = mean.all(1), mean.all(0)
    assert frames.sum() == len(spectra) // 4 and frames[-1]
    assert bands.sum() == 12 and bands[-1]
    kept = ~frames[:, None] & ~bands[None]
    np.testing.assert_allclose(masked[kept], spectra[kept], rtol=1e-5)


def test_a_single_frame_can_be_distorted():
    sequence, found = distorted(tone(seconds=0.026), **ALL)
    assert len(sequence) == 1 and len(found) >= 1 and np.isfinite(found).all()


@pytest.mark.parametrize(
    "settings",
    [{"speed": -0.1}, {"warp": 0.6}, {"stretch": 1}, {"time_mask": 1.1}, {"noise": -40}, {"masks": -1}],
)
def test_values_out_of_their_range_are_refused(settings):
    with pytest.raises(UserError, match=r"^data\.augmentation\."):
        AudioDistortions(**settings)


def test_distortions_need_recordings():
    with pytest.raises(UserError, match="need recordings"):
        AudioDistortions().connect(ToySource())
