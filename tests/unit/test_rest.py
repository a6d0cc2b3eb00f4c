"""How long the aggregator waits between two steps."""

from dashboards.counting.aggregate import LAGGING, REST_S, rest_after


def test_dense_events_are_gathered_single_ones_are_not_held_up_and_who_lags_does_not_wait() -> None:
    assert rest_after(0) == 0, "an empty poll has waited already"
    assert rest_after(1) <= 0.001, "at 200 a second an event comes alone"
    assert rest_after(40) == REST_S < 0.02, "at 2,000 a second a step for each would use half a core"
    assert rest_after(LAGGING) == 0
