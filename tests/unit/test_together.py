"""What many ask at the same time is asked in few turns of one thread."""

import asyncio
import threading
import time

import pytest

from shopsite import together
from shopsite.together import Together

pytestmark = pytest.mark.django_db(transaction=True)


class Registry:
    """Answers a key with its double, and notes who asked what where."""

    def __init__(self, pause: float = 0.0) -> None:
        self.asked: list[int] = []
        self.threads: set[int] = set()
        self._pause = pause

    def __call__(self, key: int) -> int:
        self.asked.append(key)
        self.threads.add(threading.get_ident())
        time.sleep(self._pause)
        if key < 0:
            raise ValueError(f"no {key}")
        return 2 * key


def test_each_gets_the_answer_to_its_own_key_and_equal_keys_are_asked_once() -> None:
    registry = Registry()
    double = Together(registry)

    async def many() -> list[int]:
        return await asyncio.gather(*(double(number % 120) for number in range(600)))

    assert asyncio.run(many()) == [2 * (number % 120) for number in range(600)]
    assert sorted(registry.asked) == list(range(120))
    assert len(registry.threads) == 1


def test_an_error_is_told_to_who_asked_that_and_to_nobody_else() -> None:
    double = Together(Registry())

    async def some() -> tuple[int | BaseException, ...]:
        return await asyncio.gather(double(1), double(-1), double(3), return_exceptions=True)

    one, error, three = asyncio.run(some())
    assert (one, three) == (2, 6)
    assert isinstance(error, ValueError)


def test_a_connection_that_cannot_be_had_is_everybodys_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: object) -> None:
        raise ConnectionError("no database")

    monkeypatch.setattr(together, "database_sync_to_async", lambda _: refuse)
    double = Together(Registry())

    async def some() -> tuple[int | BaseException, ...]:
        return await asyncio.gather(double(1), double(2), return_exceptions=True)

    assert [type(error) for error in asyncio.run(some())] == [ConnectionError, ConnectionError]


def test_what_is_asked_while_a_turn_runs_is_asked_after_it() -> None:
    """Its answer may have changed since the turn began."""
    registry = Registry(pause=0.1)
    double = Together(registry)

    async def twice() -> None:
        first = asyncio.create_task(double(1))
        await asyncio.sleep(0.05)
        assert registry.asked == [1]
        await double(1)
        await first

    asyncio.run(twice())
    assert registry.asked == [1, 1]


def test_who_goes_away_takes_the_answer_from_nobody() -> None:
    double = Together(Registry(pause=0.05))

    async def one_leaves() -> int:
        leaving, staying = asyncio.create_task(double(4)), asyncio.create_task(double(4))
        await asyncio.sleep(0.01)
        leaving.cancel()
        return await staying

    assert asyncio.run(one_leaves()) == 8
