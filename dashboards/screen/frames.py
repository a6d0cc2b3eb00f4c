"""Number what changed on a screen and encode it once. hub.py -> here -> sockets.py.

A screen's state is {section: {key: value}}. A frame carries absolute values of the keys that changed,
null for a key that is gone, so frames merge by overwriting and may be applied in any number.
"""

import secrets
from collections import deque
from collections.abc import Mapping

import msgspec

State = dict[str, dict[str, object]]
KEEP = 100  # frames, of five seconds or more: who lags further gets a snapshot, which is then no larger

_encode = msgspec.json.Encoder().encode


class Screen:
    """The figures that all viewers of one filter see, as a numbered series of frames."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(6)  # tells a viewer that its number is of another life of the hub
        self.seq = 0
        self.at = 0  # epoch ms of the last frame
        self.state: State = {}
        self._changes: deque[State] = deque(maxlen=KEEP)
        self._encoded: dict[int, str] = {}  # by the number that the viewer has

    def update(self, sections: Mapping[str, dict[str, object]], *, at: int) -> None:
        """Take whole sections, keep what differs as the next frame, empty where nothing does."""
        changes: State = {}
        for name, new in sections.items():
            change = _difference(self.state.get(name, {}), new)
            if change or name not in self.state:  # that there is nothing is news, too
                changes[name] = change
            self.state[name] = new
        self.seq += 1
        self.at = at
        self._changes.append(changes)
        self._encoded.clear()

    def since(self, seq: int) -> str:
        """The one frame that brings a viewer from `seq` to now: what changed, or a snapshot."""
        if seq not in self._encoded:
            self._encoded[seq] = self._frame(seq)
        return self._encoded[seq]

    def _frame(self, seq: int) -> str:
        behind = self.seq - seq
        head = {"hub": self.id, "seq": self.seq, "at": self.at}
        if not 0 < seq <= self.seq or behind > len(self._changes):
            return _encode(head | {"from": 0, "set": self.state}).decode()
        merged: State = {}
        for changes in list(self._changes)[len(self._changes) - behind :]:
            for name, change in changes.items():
                merged.setdefault(name, {}).update(change)
        return _encode(head | {"from": seq, "set": merged}).decode()


def _difference(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """The keys of `new` whose value is another than in `old`, and null for those that are gone."""
    change = {key: value for key, value in new.items() if key not in old or old[key] != value}
    change.update(dict.fromkeys(old.keys() - new.keys()))
    return change
