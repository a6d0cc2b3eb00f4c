"""What this process read before, of what has not changed since. presence.py, spans.py -> here.

Nothing here is ever told to be wrong: a value's name says what it was made of, and in which version. A row of
the database is replaced, never changed, so its primary key is its version; a bucket in Redis has one in the
index that names it (Stamp.changed), which grows with each change.
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any

MOST = 400_000  # numbers in all, of some 100 bytes each; whole years of a wide shop are a few times 10,000
BYTES_A_NUMBER = 100


class Remembered:
    """Values by name; those that nobody asked for lately are forgotten first."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._weight = most, 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: Hashable) -> Any:  # noqa: ANN401 - whatever was put there
        """What was put there, None where nothing is. Not to be changed: others get the same."""
        with self._lock:
            if (found := self._values.get(name)) is None:
                return None
            self._values.move_to_end(name)
            return found[0]

    def forget(self, name: Hashable) -> None:
        """Nothing is there any more."""
        with self._lock:
            self._weight -= self._values.pop(name, (None, 0))[1]

    def clear(self) -> None:
        """Know nothing, as a process that has just begun."""
        with self._lock:
            self._values.clear()
            self._weight = 0

    def put(self, name: Hashable, value: object, weight: int) -> None:
        """Remember a value of so many numbers; one that alone is too heavy is not."""
        if weight > self._most:
            return
        with self._lock:
            self._weight += weight - self._values.pop(name, (None, 0))[1]
            self._values[name] = value, weight
            while self._weight > self._most:
                self._weight -= self._values.popitem(last=False)[1][1]


REMEMBERED = Remembered()
