"""Random distortions of time series that keep their class: noise, scale, time warping, cropping and rotation."""

import numpy as np
from jaxtyping import Float

from throughtime.data.labelled.sequences import Augmentation, SequenceSource
from throughtime.data.series.labelled_series import LabelledSeries
from throughtime.errors import UserError

KNOTS = 5
"""Points between which the speed of a warped series changes."""


class Distortions(Augmentation):
    """Distort a series in time and in its values; 0 turns a distortion off. Its length stays.

    In their order (Le Guennec, Malinowski & Tavenard 2016; Um et al. 2017, arXiv 1706.00527):

    - rotation of a closed curve: the series begins at another of its points, up to `rotate` of its length away.
    - cropping: a random piece of 1 - u of the length, u uniform in [0, `crop`], is stretched to the whole.
    - warping: time runs at exp(`warp` · g) of its speed, g a piecewise linear curve through normal numbers.
    - scaling: a channel is multiplied by exp(`scale` · g).
    - noise: normal numbers of `noise` times the channel's deviation in the series are added.

    Args:
        noise, scale, warp: deviations of the normal numbers.
        crop, rotate: the largest shares of the length; crop is below 1.
    """

    def __init__(
        self,
        noise: float | int = 0.0,
        scale: float | int = 0.0,
        warp: float | int = 0.0,
        crop: float | int = 0.0,
        rotate: float | int = 0.0,
    ) -> None:
        given = {"noise": noise, "scale": scale, "warp": warp, "crop": crop, "rotate": rotate}
        for name, value in given.items():
            largest = 1 if name in ("crop", "rotate") else 10
            if not 0 <= value <= largest or (name == "crop" and value == 1):
                bound = "below 1" if name == "crop" else f"at most {largest}"
                raise UserError(f"data.augmentation.{name}={value} must be at least 0 and {bound}")
        self.noise, self.scale, self.warp, self.crop, self.rotate = given.values()
        self._source: LabelledSeries | None = None

    def connect(self, source: SequenceSource) -> None:
        """Take the framing of the series.

        Raises:
            UserError: the source has no time series.
        """
        if not isinstance(source, LabelledSeries):
            raise UserError(
                "data.augmentation: these distortions need time series; leave data.augmentation out for these data"
            )
        self._source = source

    def __call__(
        self, sequence: Float[np.ndarray, "T F"], generator: np.random.Generator
    ) -> Float[np.ndarray, "T F"]:
        if not (self.noise or self.scale or self.warp or self.crop or self.rotate):
            return sequence
        framing = self._source.framing
        series = framing.series(sequence).astype(np.float64)
        length, channels = series.shape
        if self.rotate:
            series = np.roll(series, round(length * generator.uniform(-self.rotate, self.rotate)), axis=0)
        places = self._places(length, generator)
        steps = np.arange(length)
        series = np.stack([np.interp(places, steps, channel) for channel in series.T], axis=1)
        series *= np.exp(self.scale * generator.normal(size=channels))
        series += self.noise * series.std(0) * generator.normal(size=series.shape)
        return framing.sequence(series)

    def _places(self, length: int, generator: np.random.Generator) -> Float[np.ndarray, " n"]:
        """The places in the series, from 0 to n - 1, at which each step is read."""
        last = length - 1
        cut = generator.uniform(0, self.crop)
        start = generator.uniform(0, cut)
        speeds = np.exp(self.warp * generator.normal(size=KNOTS))
        passed = np.cumsum(np.interp(np.linspace(0, KNOTS - 1, length), np.arange(KNOTS), speeds))
        share = (passed - passed[0]) / max(passed[-1] - passed[0], 1e-12)
        return last * (start + (1 - cut) * share)
