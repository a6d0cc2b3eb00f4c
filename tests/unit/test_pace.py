"""How often frames are made: by what they cost, and at once after a quiet time."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from dashboards.screen.pace import FASTEST_S, FRAME_S, MAKE_SHARE, SEND_S, SHARE, Pace

CHEAP_S = 0.005  # to make a frame


def always(took: float) -> Callable[[int], float]:
    """Each frame takes so many seconds."""
    return lambda _: took


CHEAP = always(CHEAP_S)


def frames_of(
    pace: Pace,
    *,
    viewers: int,
    seconds: float,
    begin: float = 100.0,
    took: Callable[[int], float] = CHEAP,
) -> list[float]:
    """The times at which frames begin while something always changes. took: seconds, by a frame's number."""
    now, times = begin, list[float]()
    while now < begin + seconds:
        spent = took(len(times))
        times.append(now)
        now += spent
        now += pace.wait(now, took=spent, viewers=viewers)
    return times


@pytest.mark.parametrize("viewers", [1, 50, 400])
def test_few_viewers_of_cheap_frames_get_twenty_a_second(viewers: int) -> None:
    times = frames_of(Pace(), viewers=viewers, seconds=10)
    assert times[-1] - times[-2] == pytest.approx(FASTEST_S)
    assert len(times) == pytest.approx(200, abs=10)


@pytest.mark.parametrize("took", [0.03, 0.06, 0.09])
def test_dear_frames_come_ten_times_a_second(took: float) -> None:
    times = frames_of(Pace(), viewers=1, seconds=10, took=always(took))
    assert len(times) == pytest.approx(100, abs=2)


def test_between_them_making_takes_its_share_of_the_time() -> None:
    times = frames_of(Pace(), viewers=1, seconds=60, took=always(0.02))
    assert len(times) * 0.02 == pytest.approx(60 * MAKE_SHARE, rel=0.02)


def test_a_frame_that_draws_lists_now_and_then_slows_down_few_others() -> None:
    times = frames_of(Pace(), viewers=1, seconds=60, took=lambda number: CHEAP_S if number % 40 else 0.05)
    assert len(times) > 60 * 18


def test_once_the_cores_are_full_frames_come_ten_times_a_second_within_a_second() -> None:
    pace = Pace()
    frames_of(pace, viewers=1, seconds=10)
    times = frames_of(pace, viewers=1, seconds=3, begin=200.0, took=always(0.04))
    late = [time for time in times if time >= 201.0]
    assert late[1] - late[0] == pytest.approx(FRAME_S)


def test_many_viewers_of_cheap_frames_get_ten_a_second() -> None:
    times = frames_of(Pace(), viewers=850, seconds=10)
    assert len(times) == pytest.approx(102, abs=4)


@pytest.mark.parametrize("viewers", [1_000, 2_000, 20_000])
def test_sending_to_many_takes_no_more_than_its_share(viewers: int) -> None:
    times = frames_of(Pace(), viewers=viewers, seconds=60)
    assert len(times) * viewers * SEND_S <= (60 + 2) * SHARE
    assert len(times) * viewers * SEND_S >= 0.9 * 60 * SHARE  # and does not stay below it


def test_two_thousand_viewers_get_more_than_a_frame_a_second() -> None:
    times = frames_of(Pace(), viewers=2_000, seconds=60)
    assert max(later - time for time, later in pairwise(times)) < 1.0


def test_after_a_quiet_time_the_first_frames_wait_for_nobody() -> None:
    pace = Pace()
    frames_of(pace, viewers=2_000, seconds=10)
    times = frames_of(pace, viewers=2_000, seconds=1, begin=1_000.0)
    assert times[2] - times[0] == pytest.approx(2 * FRAME_S)
