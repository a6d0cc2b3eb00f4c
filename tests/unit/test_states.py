"""The table of order states: what it allows, and that nothing else is possible."""

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.states import EVENT_TYPES, NEW, OPEN, REFUNDABLE, TABLE, UNPAID, ForbiddenMove, Status, check
from shopsite.events.schemas import ChangeType

STATES = st.sampled_from([NEW, *Status.values])


@given(current=STATES, wanted=st.sampled_from(Status.values))
def test_a_move_is_possible_exactly_where_the_table_has_it(current: str, wanted: str) -> None:
    if wanted in TABLE[current]:
        check("1", current, wanted)
        return
    with pytest.raises(ForbiddenMove) as caught:
        check("1", current, wanted)
    assert "cannot become" in str(caught.value)


@given(st.lists(st.sampled_from(Status.values), max_size=12))
def test_no_way_leads_back_from_where_an_order_ends(wanted: list[Status]) -> None:
    current, seen = NEW, [NEW]
    for status in wanted:
        if status in TABLE[current]:
            current = status
            seen.append(status)
    ends = [state for state in seen if not TABLE[state]]
    assert ends in ([], [seen[-1]])
    if Status.REFUNDED in seen and len(seen) > 2:
        assert Status.REFUND_PENDING in seen  # money never comes back without having been asked for
    if Status.DELIVERED in seen and Status.REFUND_PENDING not in seen:
        assert seen.index(Status.PAID) < seen.index(Status.SHIPPED) < seen.index(Status.DELIVERED)


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    assert set(TABLE) == {NEW, *Status}
    reached, todo = set[str](), [NEW]
    while todo:
        for state in TABLE[todo.pop()]:
            if state not in reached:
                reached.add(state)
                todo.append(state)
    assert reached == set(Status)


def test_what_is_told_of_an_order_has_the_names_of_the_schema() -> None:
    assert set(EVENT_TYPES.values()) == set(typing.get_args(ChangeType))


def test_only_what_was_paid_can_be_refunded_and_only_what_was_not_expires() -> None:
    assert {state for state in Status if Status.REFUND_PENDING in TABLE[state]} == set(REFUNDABLE)
    assert set(UNPAID) & set(REFUNDABLE) == set()
    assert all(TABLE[state] for state in OPEN)
