"""The course of the learning rate."""

import io
import itertools

import pytest
import torch

from throughtime.errors import UserError
from throughtime.optim.schedule import constant, cosine

RATE = 0.4


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)


def course(schedule, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(schedule.optimizer.param_groups[0]["lr"])
        schedule.optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("make", [constant, cosine])
def test_the_warm_up_is_linear_and_no_step_is_taken_at_rate_nought(make):
    rates = course(make(optimizer(), 1000, warmup_steps=10), 11)
    assert rates[:10] == pytest.approx([RATE * (step + 1) / 10 for step in range(10)])
    assert rates[10] == pytest.approx(RATE)


@pytest.mark.parametrize("make", [constant, cosine])
def test_without_warm_up_the_first_step_has_the_full_rate(make):
    assert course(make(optimizer(), 50), 1) == [RATE]


def test_constant_stays():
    assert set(course(constant(optimizer()), 20)) == {RATE}


@pytest.mark.parametrize("total", [2, 3, 101])
@pytest.mark.parametrize("final_fraction", [0.0, 0.1, 1.0])
def test_cosine_falls_from_the_whole_rate_to_its_final_fraction_at_the_last_step(total, final_fraction):
    rates = course(cosine(optimizer(), total, final_fraction=final_fraction), total + 5)
    assert rates[0] == pytest.approx(RATE)
    assert rates[total - 1 :] == pytest.approx([RATE * final_fraction] * 6)
    assert all(earlier >= later for earlier, later in itertools.pairwise(rates))


def test_cosine_is_symmetric_about_its_middle():
    rates = course(cosine(optimizer(), 101), 101)
    for step in range(101):
        assert rates[step] + rates[100 - step] == pytest.approx(RATE)


@pytest.mark.parametrize("total", [1, 5, 10])
def test_a_run_shorter_than_the_warm_up_just_warms_up(total):
    rates = course(cosine(optimizer(), total, warmup_steps=10), total)
    assert rates == pytest.approx([RATE * (step + 1) / 10 for step in range(total)])


@pytest.mark.parametrize("make", [constant, cosine])
def test_a_schedule_goes_on_exactly_from_its_saved_state(make):
    whole = course(make(optimizer(), 40, warmup_steps=7), 40)
    first = make(optimizer(), 40, warmup_steps=7)
    course(first, 13)
    file = io.BytesIO()
    torch.save([first.state_dict(), first.optimizer.state_dict()], file)
    file.seek(0)
    saved, saved_optimizer = torch.load(file, weights_only=True)
    second = make(optimizer(), 40, warmup_steps=7)
    second.optimizer.load_state_dict(saved_optimizer)
    second.load_state_dict(saved)
    assert course(second, 27) == whole[13:]


def test_cosine_says_which_key_gives_it_an_end():
    with pytest.raises(UserError, match=r"trainer\.max_steps"):
        cosine(optimizer(), None)


def test_values_out_of_range_are_named():
    with pytest.raises(UserError, match="warmup_steps"):
        constant(optimizer(), warmup_steps=-1)
    with pytest.raises(UserError, match="final_fraction"):
        cosine(optimizer(), 10, final_fraction=1.2)
