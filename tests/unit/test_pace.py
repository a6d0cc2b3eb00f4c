"""How often frames are made: by what they cost, and at once after a quiet time."""

import pytest

from dashboards.screen.pace import FRAME_S, SEND_S, SHARE, Pace


def frames_of(pace: Pace, *, viewers: int, seconds: float, begin: float = 100.0) -> list[float]:
    """The times of frames while something always changes; each takes 5 ms to make."""
    now, times = begin, []
    while now < begin + seconds:
        times.append(now)
        now += 0.005
        now += pace.wait(now, took=0.005, viewers=viewers)
    return times


@pytest.mark.parametrize("viewers", [1, 50, 800])
def test_few_viewers_get_a_frame_each_tenth_of_a_second(viewers: int) -> None:
    times = frames_of(Pace(), viewers=viewers, seconds=10)
    assert times[1] - times[0] == pytest.approx(FRAME_S)
    assert len(times) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("viewers", [1_000, 2_000, 20_000])
def test_sending_to_many_takes_no_more_than_its_share(viewers: int) -> None:
    times = frames_of(Pace(), viewers=viewers, seconds=60)
    assert len(times) * viewers * SEND_S <= (60 + 2) * SHARE
    assert len(times) * viewers * SEND_S >= 0.9 * 60 * SHARE  # and does not stay below it


def test_after_a_quiet_time_the_first_frames_wait_for_nobody() -> None:
    pace = Pace()
    frames_of(pace, viewers=2_000, seconds=10)
    times = frames_of(pace, viewers=2_000, seconds=1, begin=1_000.0)
    assert times[2] - times[0] == pytest.approx(2 * FRAME_S)
