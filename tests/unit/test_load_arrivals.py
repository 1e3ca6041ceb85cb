"""When logins begin: how many, how they are spaced, how the rate goes, and the same for a seed."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from loadtest.arrivals import Profile, Spacing, Stretch, arrivals, stretches


def instants(profile: Profile, spacing: Spacing = Spacing.EVEN, seed: int = 1) -> list[float]:
    """At 100 a second, for 30 seconds."""
    return list(arrivals(stretches(profile, 100, 30), spacing, Random(seed)))


def in_parts(found: list[float], parts: int) -> list[int]:
    """How many come in each part of the 30 seconds."""
    return [sum(30 * n / parts <= at < 30 * (n + 1) / parts for at in found) for n in range(parts)]


@pytest.mark.parametrize(
    ("profile", "parts"),
    [
        (Profile.CONSTANT, [1000, 1000, 1000]),
        (Profile.RAMP, [167, 500, 833]),
        (Profile.STEP, [120, 240, 360, 480, 600]),
        (Profile.SPIKE, [120, 120, 600, 120, 120]),
        (Profile.STORM, [500, 10_000, 500]),
    ],
)
def test_profile_has_its_rate_in_each_part(profile: Profile, parts: list[int]) -> None:
    even = in_parts(instants(profile), len(parts))
    by_chance = in_parts(instants(profile, Spacing.POISSON), len(parts))
    assert even == pytest.approx(parts, abs=1)
    assert all(
        abs(n - expected) < 5 * expected**0.5 for n, expected in zip(by_chance, parts, strict=True)
    )


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("spacing", Spacing)
def test_instants_are_in_order_and_within_the_run(profile: Profile, spacing: Spacing) -> None:
    found = instants(profile, spacing)
    assert all(one <= other for one, other in pairwise(found))
    assert 0 <= found[0] < found[-1] <= 30


def test_even_arrivals_are_all_as_far_apart() -> None:
    gaps = [other - one for one, other in pairwise(instants(Profile.CONSTANT))]
    assert gaps == pytest.approx([0.01] * len(gaps))


def test_poisson_arrivals_are_exponentially_far_apart() -> None:
    gaps = [other - one for one, other in pairwise(instants(Profile.CONSTANT, Spacing.POISSON))]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(0.01, rel=0.06)
    assert spread == pytest.approx(mean, rel=0.1)
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.04)


def test_same_seed_gives_the_same_arrivals_and_another_does_not() -> None:
    one, same, other = (instants(Profile.RAMP, Spacing.POISSON, seed) for seed in (7, 7, 8))
    assert one == same
    assert one != other


def test_rate_of_less_than_one_in_the_run_brings_nobody_by_the_clock() -> None:
    assert not list(arrivals([Stretch(10, 0.01, 0.01)], Spacing.EVEN, Random(1)))
