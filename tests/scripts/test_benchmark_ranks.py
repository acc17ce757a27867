"""The model of many ranks, and what is measured for it."""

import math

import pytest
from benchmarks import ranks
from benchmarks.all_reduce import (
    ALGORITHMS,
    Network,
    Step,
    fitted_network,
    fitted_step,
    strong_seconds,
    strong_speed_up,
    weak_efficiency,
    weak_seconds,
)
from hypothesis import given
from hypothesis import strategies as st

RANKS = st.integers(1, 1024)
positive = st.floats(1e-7, 1.0)
networks = st.builds(Network, st.floats(0, 1e-2), st.floats(1e6, 1e12), st.sampled_from(ALGORITHMS))
steps = st.builds(Step, st.integers(1, 10**9), st.integers(1, 4096), st.floats(0, 1), positive)


@given(steps, RANKS)
def test_a_network_without_cost_loses_nothing_but_what_lanes_do_not_share(step, count):
    free = Network(0.0, math.inf)
    assert weak_efficiency(step, free, count) == 1
    ideal = Step(step.parameters, step.lanes * count, 0.0, step.per_lane)
    assert strong_speed_up(ideal, free, count) == pytest.approx(count)


@given(steps, networks)
def test_one_rank_reduces_nothing(step, network):
    assert weak_seconds(step, network, 1) == strong_seconds(step, network, 1) == step.seconds(step.lanes)


@given(steps, networks, RANKS)
def test_more_ranks_are_never_more_efficient(step, network, count):
    assert weak_efficiency(step, network, count + 1) <= weak_efficiency(step, network, count) * (1 + 1e-12)
    share = [
        strong_speed_up(Step(step.parameters, step.lanes * 2 * count, step.fixed, step.per_lane), network, n)
        / n
        for n in (count, 2 * count)
    ]
    assert share[1] <= share[0] * (1 + 1e-12)


@given(steps, networks, RANKS)
def test_a_better_network_is_never_slower(step, network, count):
    faster = Network(network.latency / 2, network.bandwidth * 2, network.algorithm)
    assert weak_seconds(step, faster, count) <= weak_seconds(step, network, count)
    assert strong_seconds(step, faster, count) <= strong_seconds(step, network, count)
    assert strong_speed_up(step, network, count) <= count * (1 + 1e-12)


@given(networks, st.integers(2, 512), st.integers(1, 10**9))
def test_a_ring_sends_as_many_bytes_as_halving_and_doubling_and_no_fewer_messages(network, count, size):
    ring, other = (
        Network(network.latency, network.bandwidth, name).seconds(count, size) for name in ALGORITHMS
    )
    assert ring >= other * (1 - 1e-12)
    assert Network(0, network.bandwidth).seconds(count, size) < 2 * size / network.bandwidth


@given(st.floats(1e-6, 1e-2), st.floats(1e6, 1e12), st.sampled_from(ALGORITHMS), st.sampled_from([2, 8]))
def test_the_fit_of_a_networks_own_times_is_that_network(latency, bandwidth, algorithm, count):
    network = Network(latency, bandwidth, algorithm)
    sizes = (1, 10**4, 10**6, 10**8, 10**10)
    found = fitted_network([(size, network.seconds(count, size)) for size in sizes], count, algorithm)
    assert found.latency == pytest.approx(latency, rel=1e-3)
    assert found.bandwidth == pytest.approx(bandwidth, rel=1e-3)


@given(steps)
def test_the_fit_of_a_steps_own_times_is_that_step(step):
    found = fitted_step(step.parameters, step.lanes, step.seconds(step.lanes), step.seconds(step.lanes / 2))
    assert found.fixed == pytest.approx(step.fixed, abs=1e-6)
    assert found.seconds(step.lanes) == pytest.approx(step.seconds(step.lanes))


def in_one_process(count, work, *arguments):
    with ranks.meeting_folder() as folder:
        return ranks._rank(work, 0, 1, folder, arguments)


def test_two_processes_are_measured_beside_the_model(monkeypatch, small_text):
    small = {"HIDDEN_SIZES": (8,), "LANES": 4, "STEPS": 4, "REDUCED": (64, 4096), "ENOUGH": 1e-4}
    for name, value in small.items():
        monkeypatch.setattr(ranks, name, value)
    monkeypatch.setattr(ranks, "_in_ranks", in_one_process)
    found = ranks.measure([f"data.path={small_text}"], 1, log=lambda line: None)
    (model,) = found["models"]
    assert model["parameters"] > 0 and model["measured"]["weak"] > 0
    lines = ranks.table(found).splitlines()
    assert [line.split()[-4] for line in lines[3:] if "measured" not in line] == ["2", "8", "64", "512"]
    assert sum("measured:" in line for line in lines) == 1
