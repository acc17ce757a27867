"""Random distortions of ink that keep its shape or its class: slant, scale, rotation, jitter, order of drawing."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from throughtime.data.labelled.sequences import Augmentation, SequenceSource
from throughtime.data.strokes.ink import Stroke
from throughtime.data.strokes.points import to_strokes
from throughtime.data.strokes.stroke_files import StrokeFiles
from throughtime.errors import UserError

LARGEST = {"slant": 2, "scale": 2, "rotation": 180, "jitter": 1, "bend": 1, "reverse": 1, "reorder": 1}


class StrokeDistortions(Augmentation):
    """Distort ink by a random linear map, by noise and in its order, then normalise it again; 0 turns a distortion off.

    With normal numbers g, in this order:

    - slant: x becomes x + `slant` · g · y.
    - scale: each of x and y is multiplied by its own exp(`scale` · g), so that the proportions change.
    - rotation: about the origin, by `rotation` · g degrees.
    - bend: x and y are moved by smooth displacements over the plane, `bend` · g · sin(π (a · x + b · y) + c) with
      normal a and b and a uniform phase c.
    - jitter: every point is moved by `jitter` · g in x and in y.
    - reverse: each stroke is drawn from its end with the probability `reverse`, and reorder: with the probability
      `reorder` the strokes follow each other in a random order. The picture stays; leave both at 0 where the class
      is in the movement, as of gestures.

    T stays, as no point is added or left out.

    Args:
        slant, scale, rotation, jitter, bend: deviations; those of lengths are in units of normalised ink.
        reverse, reorder: probabilities.

    Raises:
        UserError: a deviation is negative, or so large that nothing could be read; a probability is above 1.
    """

    def __init__(
        self,
        slant: float | int = 0.0,
        scale: float | int = 0.0,
        rotation: float | int = 0.0,
        jitter: float | int = 0.0,
        bend: float | int = 0.0,
        reverse: float | int = 0.0,
        reorder: float | int = 0.0,
    ) -> None:
        given = {"slant": slant, "scale": scale, "rotation": rotation, "jitter": jitter, "bend": bend}
        given |= {"reverse": reverse, "reorder": reorder}
        for name, value in given.items():
            if not 0 <= value <= LARGEST[name]:
                raise UserError(f"data.augmentation.{name}={value} must be from 0 to {LARGEST[name]}")
        self.slant, self.scale, self.rotation, self.jitter, self.bend = list(given.values())[:5]
        self.reverse, self.reorder = reverse, reorder
        self._changes = any(given.values())
        self._source: StrokeFiles | None = None

    def connect(self, source: SequenceSource) -> None:
        """Take the source, which normalises ink.

        Raises:
            UserError: the source reads no strokes.
        """
        if not isinstance(source, StrokeFiles):
            raise UserError(
                "data.augmentation: these distortions need strokes of a pen; leave data.augmentation out for these data"
            )
        self._source = source

    def __call__(
        self, sequence: Float[np.ndarray, "T F"], generator: np.random.Generator
    ) -> Float[np.ndarray, "T F"]:
        if not self._changes:
            return sequence
        return self._source.sequence(self.distorted(to_strokes(sequence), generator))

    def distorted(self, strokes: Sequence[Stroke], generator: np.random.Generator) -> list[Stroke]:
        """The strokes under one draw of all distortions."""
        shear, *factors, turn = generator.normal(size=4)
        angle = np.radians(self.rotation * turn)
        matrix = np.array([[1, self.slant * shear], [0, 1]])
        matrix = np.exp(self.scale * np.array(factors))[:, None] * matrix
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ matrix
        points = np.concatenate(strokes) @ matrix.T
        waves, phases = generator.normal(size=(2, 2)), generator.uniform(0, 2 * np.pi, 2)
        points = points + self.bend * generator.normal(size=2) * np.sin(np.pi * points @ waves + phases)
        points = points + self.jitter * generator.normal(size=points.shape)
        moved = np.split(points, np.cumsum([len(stroke) for stroke in strokes])[:-1])
        turned = generator.random(len(moved)) < self.reverse
        moved = [stroke[::-1] if turn else stroke for stroke, turn in zip(moved, turned, strict=True)]
        if generator.random() < self.reorder:
            moved = [moved[number] for number in generator.permutation(len(moved))]
        return moved
