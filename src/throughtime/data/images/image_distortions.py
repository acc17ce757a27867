"""Random distortions of images that keep their class: shifts, a linear map, smooth displacements and noise."""

import numpy as np
from jaxtyping import Float

from throughtime.data.images.shifts import Shifts
from throughtime.data.labelled.sequences import Augmentation, SequenceSource
from throughtime.errors import UserError

LARGEST = {"rotation": 180, "scale": 2, "slant": 2, "translation": 1000, "bend": 1000, "noise": 1}


class ImageDistortions(Augmentation):
    """Move and distort an image and add noise; 0 turns a distortion off.

    After a shift by whole pixels (`Shifts`), the value of the pixel at p = (row, column), measured from the middle, is
    that at q in the image, interpolated linearly and `fill` outside. With normal numbers g:

        q = R S D p + `translation` · (g, g) + d(p)
        R a rotation by `rotation` · g degrees
        S = [[1, 0], [`slant` · g, 1]], a shear along the rows
        D = diag(exp(`scale` · g), exp(`scale` · g))
        d(p) = `bend` · (g, g) · sin(π (a · p / s) + c), for each of the two its own a (normal) and c (uniform);
               s half of the larger side

    Then `noise` · g is added to every value.

    Source: Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks applied to visual
    document analysis" (linear maps and smooth displacements of handwritten digits); Bishop 1995, "Training with noise
    is equivalent to Tikhonov regularization" (noise).

    Args:
        pixels, fill: as in `Shifts`.
        rotation, scale, slant: deviations, of the rotation in degrees.
        translation, bend: deviations in pixels.
        noise: deviation of a value, which is from 0 to 1.

    Raises:
        UserError: a deviation is negative or too large.
    """

    def __init__(
        self,
        pixels: int = 0,
        fill: float = 0.0,
        rotation: float | int = 0.0,
        scale: float | int = 0.0,
        slant: float | int = 0.0,
        translation: float | int = 0.0,
        bend: float | int = 0.0,
        noise: float | int = 0.0,
    ) -> None:
        given = {
            "rotation": rotation,
            "scale": scale,
            "slant": slant,
            "translation": translation,
            "bend": bend,
        }
        given |= {"noise": noise}
        for name, value in given.items():
            if not 0 <= value <= LARGEST[name]:
                raise UserError(f"data.augmentation.{name}={value} must be from 0 to {LARGEST[name]:,}")
        self.rotation, self.scale, self.slant, self.translation, self.bend, self.noise = given.values()
        self.fill = fill
        self._moves = any((rotation, scale, slant, translation, bend))
        self._shifts = Shifts(pixels, fill)
        self._source: SequenceSource | None = None

    def connect(self, source: SequenceSource) -> None:
        """Take the layout of the images.

        Raises:
            UserError: the source has no images, or images that are not larger than the shifts.
        """
        self._shifts.connect(source)
        self._source = source

    def __call__(
        self, sequence: Float[np.ndarray, "T F"], generator: np.random.Generator
    ) -> Float[np.ndarray, "T F"]:
        sequence = self._shifts(sequence, generator)
        if self._moves:
            layout, shape = self._source.layout, self._source.image_shape
            sequence = layout.sequence(self._moved(layout.image(sequence, shape), generator))
        if self.noise:
            sequence = sequence + self.noise * generator.standard_normal(sequence.shape, dtype=sequence.dtype)
        return sequence

    def _moved(
        self, image: Float[np.ndarray, "height width C"], generator: np.random.Generator
    ) -> Float[np.ndarray, "height width C"]:
        """The image under one draw of the linear map and the displacements."""
        from scipy.ndimage import map_coordinates  # only now: it takes a while to import

        turn, shear, *factors = generator.normal(size=4)
        angle = np.radians(self.rotation * turn)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = rotation @ np.array([[1, 0], [self.slant * shear, 1]])
        matrix = matrix * np.exp(self.scale * np.array(factors))
        height, width, channels = image.shape
        middle = (np.array([height, width]) - 1) / 2
        places = np.stack(np.mgrid[:height, :width], -1).reshape(-1, 2) - middle
        waves, phases = generator.normal(size=(2, 2)), generator.uniform(0, 2 * np.pi, 2)
        bends = np.sin(np.pi * (places / (max(height, width) / 2)) @ waves + phases)
        offset, bend = self.translation * generator.normal(size=2), self.bend * generator.normal(size=2)
        read = (places @ matrix.T + offset + bend * bends + middle).T
        values = [
            map_coordinates(image[..., channel], read, order=1, mode="grid-constant", cval=self.fill)
            for channel in range(channels)
        ]
        return np.stack(values, -1).reshape(image.shape).astype(image.dtype)
