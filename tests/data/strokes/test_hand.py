"""Ink of a random hand: the same seed gives the same ink, and each parameter does to the ink what it says."""

import numpy as np
import pytest

from throughtime.data.strokes.hand import ALPHABET, FONTS, RATE, Hand
from throughtime.data.strokes.normalise import InkNormaliser
from throughtime.data.strokes.points import to_sequence, to_strokes
from throughtime.errors import UserError

STILL = Hand(speed=1)


def written(hand, text="handwriting", seed=0):
    return hand.check().write(text, np.random.default_rng(seed)).strokes


def slant_of(strokes):
    """cov(x, y) / var(y) of the ink, as the shear that makes it upright."""
    upright = np.concatenate(InkNormaliser("none", "none", True)(strokes))
    points = np.concatenate(strokes)
    return ((points - upright)[:, 0] @ points[:, 1]) / (points[:, 1] @ points[:, 1])


@pytest.mark.parametrize("font", FONTS)
def test_the_same_seed_gives_the_same_ink_and_another_seed_another_one(font):
    hand = Hand.draw(np.random.default_rng(3), [font])
    one, same, other = (np.concatenate(written(hand, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


@pytest.mark.parametrize("slant", [-0.4, 0.7])
def test_the_slant_of_the_ink_is_that_of_the_hand(slant):
    found = slant_of(written(STILL._replace(slant=slant))) - slant_of(written(STILL))
    assert found == pytest.approx(slant, abs=0.01)


def test_size_and_width_scale_the_ink():
    plain, large, wide = (
        np.ptp(np.concatenate(written(hand)), axis=0)
        for hand in (STILL, STILL._replace(size=3.0), STILL._replace(width=1.5))
    )
    np.testing.assert_allclose(large, 3 * plain)
    np.testing.assert_allclose(wide, plain * (1.5, 1), rtol=1e-3)


def test_a_capital_letter_is_one_height_above_the_line():
    y = np.concatenate(written(STILL, "H"))[:, 1]
    assert (y.min(), y.max()) == pytest.approx((0, 1))


def test_a_faster_pen_leaves_fewer_points_at_equal_times():
    slow, fast = (hand.write("word", np.random.default_rng(0)) for hand in (STILL, STILL._replace(speed=3)))
    assert sum(map(len, fast.strokes)) < sum(map(len, slow.strokes)) / 2
    step = STILL.speed / RATE
    for ink, longest in ((slow, step), (fast, 3 * step)):
        for stroke, times in zip(ink.strokes, ink.times, strict=True):
            assert np.hypot(*np.diff(stroke, axis=0).T).max() <= longest + 1e-9
            np.testing.assert_allclose(np.diff(times), 1 / RATE)
        assert (np.diff(np.concatenate(ink.times)) > 0).all()


def test_jitter_is_the_deviation_of_the_points():
    still, shaky = written(STILL, "lll" * 20), written(STILL._replace(jitter=0.02, size=2.0), "lll" * 20)
    away = np.concatenate(shaky) - 2 * np.concatenate(still)
    assert away.std() == pytest.approx(0.04, rel=0.1)


def test_ligatures_join_strokes_and_leave_the_points():
    for font in FONTS:
        apart = written(STILL._replace(font=font), "across")
        joined = written(STILL._replace(font=font, ligatures=1.0), "across")
        assert len(joined) < len(apart)
    # Letters of the cursive font end where the next one begins.
    assert len(written(Hand("cursive", ligatures=1.0), "eel")) == 1
    assert len(written(Hand("cursive"), "eel")) == 3


@pytest.mark.parametrize("font", FONTS)
def test_every_character_of_the_alphabet_is_drawn(font):
    for character in ALPHABET.strip():
        points = np.concatenate(written(Hand(font), character))
        assert np.isfinite(points).all() and len(points) >= 1, character
        if character != ".":
            assert np.ptp(points, axis=0).max() > 0.05, character


def test_a_blank_is_an_advance_without_ink():
    near, far = written(STILL, "il"), written(STILL, "i l")
    assert len(near) == len(far)
    assert far[-1][:, 0].min() > near[-1][:, 0].min() + 0.2


@pytest.mark.parametrize(
    ("text", "said"), [("naïve", "'ï'"), ("a\tb", "'\\\\t'"), ("", "nothing"), ("  ", "nothing")]
)
def test_a_text_that_cannot_be_drawn_is_refused(text, said):
    with pytest.raises(UserError, match=said):
        written(STILL, text)


@pytest.mark.parametrize(
    "wrong", [{"font": "gothic"}, {"slant": 3.0}, {"jitter": -0.1}, {"speed": 0.0}, {"ligatures": 1.5}]
)
def test_a_hand_out_of_its_range_is_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        Hand(**wrong).check()


def test_random_hands_are_in_range_and_differ():
    hands = [Hand.draw(np.random.default_rng(seed)).check() for seed in range(200)]
    assert {hand.font for hand in hands} == set(FONTS)
    assert len({hand.slant for hand in hands}) == 200


def test_ink_survives_the_encoding_as_differences():
    strokes = written(Hand.draw(np.random.default_rng(5)), "round trip")
    back = to_strokes(to_sequence(strokes))
    assert len(back) == len(strokes)
    for one, other in zip(strokes, back, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
