"""A random hand: text written as digital ink with the single-stroke fonts of Hershey (1967)."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.data.strokes.ink import Ink, Stroke
from throughtime.data.strokes.resample import Resampler
from throughtime.errors import UserError, check_choice, check_positive

FONTS = ("print", "cursive")
ALPHABET = "".join(map(chr, range(32, 127)))
"""The characters that both fonts have."""

RATE = 100
"""Points in a second."""

REACH = 0.5
"""The longest line that joins two letters, in heights."""

LIMITS = {"slant": 2, "variation": 0.5, "jitter": 0.5, "ligatures": 1}

_FILES = {"print": "futural", "cursive": "cursive"}


class Hand(NamedTuple):
    """The parameters of one writer's hand; a height is that of a capital letter.

    Attributes:
        font: one of `FONTS`: separate letters, or letters that run into each other.
        slant: x of a point becomes x + slant · y, with y upwards.
        width: x is multiplied by it, before the slant.
        size: the height of a capital letter in units of the ink.
        spacing: the blank between two letters that is added to that of the font, in heights.
        speed: of the pen, in heights a second; there are `RATE` points a second, so a faster pen has fewer points.
        jitter: deviation of the normal displacement of each point, in heights.
        variation: deviation of the displacement of a whole letter from the line, and of its rotation and its size, in
            heights, radians and natural logarithms.
        ligatures: the probability that the pen stays down from a letter to the next one that begins within `REACH` of
            where it ends.
    """

    font: str = "print"
    slant: float = 0.0
    width: float = 1.0
    size: float = 1.0
    spacing: float = 0.0
    speed: float = 12.0
    jitter: float = 0.0
    variation: float = 0.0
    ligatures: float = 0.0

    @classmethod
    def draw(cls, generator: np.random.Generator, fonts: Sequence[str] = FONTS) -> "Hand":
        """A random hand with one of the fonts."""
        return cls(
            font=str(generator.choice(list(fonts))),
            slant=float(generator.normal(0.15, 0.2)),
            width=float(np.exp(generator.normal(0, 0.15))),
            size=float(np.exp(generator.normal(0, 0.3))),
            spacing=float(generator.uniform(-0.06, 0.06)),
            speed=float(generator.uniform(9, 16)),
            jitter=float(generator.uniform(0.002, 0.01)),
            variation=float(generator.uniform(0.01, 0.05)),
            ligatures=float(generator.choice((0.0, 0.5, 1.0))),
        )

    def check(self) -> "Hand":
        """Itself; raise `UserError` for a value that is out of its range."""
        check_choice(FONTS, font=self.font)
        check_positive(width=self.width, size=self.size, speed=self.speed)
        for name, limit in LIMITS.items():
            least = -limit if name == "slant" else 0
            if not least <= getattr(self, name) <= limit:
                raise UserError(f"{name}={getattr(self, name)} must be from {least} to {limit}")
        return self

    def write(self, text: str, generator: np.random.Generator, writer: str = "") -> Ink:
        """A text as ink, on one line that begins at the origin, with y upwards.

        Args:
            text: of `ALPHABET`, with a character that is not a blank.
            generator: of all that differs from letter to letter and from point to point.
            writer: the name of the hand.

        Raises:
            UserError: a character has no glyph, or there is nothing to draw.
        """
        check_text(text)
        strokes = self._joined(self._letters(text, generator), generator)
        shape = np.array([[self.width, self.slant], [0, 1]])
        strokes = [stroke @ shape.T * self.size for stroke in strokes]
        step = self.speed / RATE * self.size
        strokes = Resampler("length", None, step)(strokes, None, f"the text {text!r}")
        noise = self.jitter * self.size
        strokes = [stroke + noise * generator.normal(size=stroke.shape) for stroke in strokes]
        return Ink(
            strokes, _times(strokes, step), {"label": text, "writer": writer}, text, f"the text {text!r}"
        )

    def _letters(self, text: str, generator: np.random.Generator) -> list[list[Stroke]]:
        """The strokes of each character that is not a blank, in heights, from left to right."""
        letters, start = [], 0.0
        for character in text:
            strokes, advance = _glyph(self.font, character)
            lift, turn, growth = self.variation * generator.normal(size=3)
            cosine, sine = np.exp(growth) * np.array([np.cos(turn), np.sin(turn)])
            matrix = np.array([[cosine, -sine], [sine, cosine]])
            if strokes:
                letters.append([stroke @ matrix.T + (start, lift) for stroke in strokes])
            start += advance + self.spacing
        return letters

    def _joined(self, letters: list[list[Stroke]], generator: np.random.Generator) -> list[Stroke]:
        """All strokes of the letters; with ligatures, the last stroke of one and the first of the next are one."""
        strokes: list[Stroke] = []
        for letter in letters:
            joins = generator.random() < self.ligatures
            if joins and strokes and np.hypot(*(letter[0][0] - strokes[-1][-1])) <= REACH:
                strokes[-1] = np.concatenate([strokes[-1], letter[0]])
                strokes.extend(letter[1:])
            else:
                strokes.extend(letter)
        return strokes


def check_text(text: str) -> str:
    """The text, if it can be written; raise `UserError` if not."""
    for character in text:
        if character not in ALPHABET:
            raise UserError(
                f"the text {text!r} has the character {character!r}, and the fonts have no glyph for it; they have the "
                "printable characters of ASCII: letters, digits, punctuation and the blank"
            )
    if not text.strip():
        raise UserError(f"the text {text!r} has nothing to draw; give it a character that is not a blank")
    return text


def _times(strokes: Sequence[Stroke], step: float) -> list[Float[np.ndarray, " n"]]:
    """The time of each point in seconds; in the air the pen is as fast as on the paper."""
    times, now, last = [], 0.0, None
    for stroke in strokes:
        if last is not None:
            now += max(float(np.hypot(*(stroke[0] - last))) / step, 1.0) / RATE
        times.append(now + np.arange(len(stroke)) / RATE)
        now, last = float(times[-1][-1]), stroke[-1]
    return times


@cache
def _font(name: str) -> dict[str, tuple[tuple[Stroke, ...], float]]:
    """The strokes and the width of each character, in heights, on the line y = 0."""
    from HersheyFonts import HersheyFonts  # only now: it is not needed to read files

    font = HersheyFonts(load_default_font=_FILES[name])
    base = font.render_options["base_line"]
    height = base - font.render_options["cap_line"]
    return {
        character: (
            tuple(
                (np.array(list(stroke), dtype=np.float64) - (glyph.left_offset, base)) * (1, -1) / height
                for stroke in glyph.strokes
            ),
            glyph.char_width / height,
        )
        for character, glyph in font.all_glyphs.items()
        if character in ALPHABET
    }


def _glyph(font: str, character: str) -> tuple[tuple[Stroke, ...], float]:
    return _font(font)[character]
