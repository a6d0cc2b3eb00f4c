"""The aggregates in Redis: a script call a batch to write, few to read. plan.py -> here <- selectors.py.

Both scripts touch only keys of one partition, which share a slot: so they run on a Redis Cluster, too.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import redis
from redis.cluster import RedisCluster

from dashboards.counting.plan import Batch, Draft
from dashboards.counting.scripts import Call, queue_script, run, script
from dashboards.keys import Keys, changes_channel, generation_key, generation_keys, split_partition
from shopsite.events.redis import queue

_HERE = Path(__file__).parent
FENCE = (_HERE / "fence.lua").read_text(encoding="utf-8")
MERGE = script("merge.lua")
MEMBERS = script("members.lua")
COPY_S = 10  # that a set made for one question lives, should whoever asks be gone before it is removed
KEYS_A_CALL = 2000  # of a reading script: bounds how long it holds up Redis
REMEMBERED = 200_000  # members known to be counted, in all, some 15 MB; then it forgets the oldest minutes


class Position(NamedTuple):
    """How far a partition has been folded."""

    offset: int | None  # None: nothing is stored
    seq: int


def live_keys(client: redis.Redis) -> Keys:
    """The names of the aggregates that are live now. Ask again once a second: `rebuild` switches them."""
    return generation_keys(live_generation(client))


def live_generation(client: redis.Redis) -> int:
    """The number of the aggregates that are live now; 0 before the first rebuild."""
    return int(cast("bytes | None", client.get(generation_key())) or 0)


def read_position(client: redis.Redis, keys: Keys, tp: str) -> Position:
    """How far the partition has been folded; offset and number are of the same moment."""
    found = cast("list[bytes | None]", client.mget(keys.offset(tp), keys.seq(tp)))
    return Position(None if found[0] is None else int(found[0]), int(found[1] or 0))


def partitions(client: redis.Redis, keys: Keys) -> list[str]:
    """The names of all partitions that have figures, by topic and number."""
    return _in_order(cast("set[bytes]", client.smembers(keys.partitions)))


def _in_order(names: Iterable[bytes]) -> list[str]:
    return sorted((name.decode() for name in names), key=split_partition)


_seen_last = [0]  # the generation that this process found last


def live_partitions(client: redis.Redis) -> tuple[Keys, list[str]]:
    """live_keys() and partitions(), in one round trip but where a rebuild switched the aggregates."""
    while True:
        generation = _seen_last[0]
        keys = generation_keys(generation)
        pipe = client.pipeline(transaction=False)
        pipe.get(generation_key())
        pipe.smembers(keys.partitions)
        found, names = cast("tuple[bytes | None, set[bytes]]", pipe.execute())
        if int(found or 0) == generation:
            return keys, _in_order(names)
        _seen_last[0] = int(found or 0)


class Writer:
    """Applies batches of partitions, and remembers which members their sets already have."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self.client, self.keys = client, keys
        self._fence = client.register_script(FENCE)
        # by partition and key, oldest first
        self._sent: OrderedDict[tuple[str, str], set[str]] = OrderedDict()
        self._remembered = 0

    def begin(self, tp: str) -> Position:
        """How far the partition has been folded; from now on readers know of it."""
        self.client.sadd(self.keys.partitions, tp)
        return read_position(self.client, self.keys, tp)

    def apply(self, batch: Batch) -> bool:
        """Add the batch; False, with nothing changed, where another offset is stored than it begins at.

        Raises RedisError where it is unknown whether it was added: forget() and begin() anew then.
        """
        tp, known = batch.tp, self._sent
        draft = Draft(self.keys, batch, lambda key, members: members - known.get((tp, key), frozenset()))
        if self._fence(keys=draft.all_keys, args=draft.args()) != 1:
            self.forget(tp)
            return False
        self._remember(tp, draft.new_members)
        return True

    def forget(self, tp: str) -> None:
        """What was sent may be lost: the partition's sets are sent whole again."""
        for place in [place for place in self._sent if place[0] == tp]:
            self._remembered -= len(self._sent.pop(place))

    def _remember(self, tp: str, sent: Mapping[str, set[str]]) -> None:
        for key, members in sent.items():
            self._sent.setdefault((tp, key), set()).update(members)
            self._remembered += len(members)
        while self._remembered > REMEMBERED:
            _, oldest = self._sent.popitem(last=False)
            self._remembered -= len(oldest)


# --- reading ----------------------------------------------------------------------------------
def sum_hashes(client: redis.Redis, groups: Sequence[Sequence[str]]) -> list[dict[str, int]]:
    """For each group of hash keys (of one partition): the sum by field. Groups may be empty."""
    sums: list[dict[str, int]] = [{} for _ in groups]
    calls = _calls(groups)
    asked = [
        Call([key for _, keys in call for key in keys], ["sum", *(len(keys) for _, keys in call)])
        for call in calls
    ]
    for call, answer in zip(calls, run(client, MERGE, asked), strict=True):
        for (place, _), flat in zip(call, msgspec.msgpack.decode(answer), strict=True):
            add_flat(sums[place], flat)
    return sums


def read_hashes(client: redis.Redis, groups: Sequence[Sequence[str]]) -> list[list[dict[str, int]]]:
    """For each group of hash keys (of one partition): each hash as it stands."""
    found: list[list[dict[str, int]]] = [[] for _ in groups]
    calls = _calls(groups)
    asked = [Call([key for _, keys in call for key in keys], ["each"]) for call in calls]
    for call, answer in zip(calls, run(client, MERGE, asked), strict=True):
        hashes = iter(_hashes_in(answer))
        for place, keys in call:
            found[place].extend(islice(hashes, len(keys)))
    return found


def _calls(groups: Sequence[Sequence[str]]) -> list[list[tuple[int, Sequence[str]]]]:
    """What each call of a script reads: parts of groups of one partition, each with its group's place."""
    calls: list[list[tuple[int, Sequence[str]]]] = []
    left: dict[str, int] = {}  # by partition: keys for which its last call has room
    last: dict[str, list[tuple[int, Sequence[str]]]] = {}
    for place, keys in enumerate(groups):
        for part in _chunks(keys):
            partition = part[0][: part[0].index("}")]
            if left.get(partition, 0) < len(part):
                last[partition], left[partition] = [], KEYS_A_CALL
                calls.append(last[partition])
            last[partition].append((place, part))
            left[partition] -= len(part)
    return calls


def _hashes_in(answer: bytes) -> Iterator[dict[str, int]]:
    for flat in msgspec.msgpack.decode(answer, type=list[list[str]]):
        yield dict(zip(flat[::2], map(int, flat[1::2]), strict=True))


def read_together(
    client: redis.Redis, number: str, hashes: Sequence[str], sets: Sequence[str]
) -> tuple[int, list[dict[str, int]], list[int]]:
    """A whole number, hashes, and the sizes of HyperLogLogs of one partition, all of the same moment."""
    pipe = client.pipeline(transaction=True)
    pipe.get(number)
    parts = list(_chunks(hashes))
    for keys in parts:
        queue_script(pipe, MERGE, Call(keys, ["each"]))
    for key in sets:
        queue(pipe, "PFCOUNT", key)
    answers = pipe.execute()
    packed, sizes = answers[1 : 1 + len(parts)], answers[1 + len(parts) :]
    found = [one for answer in packed for one in _hashes_in(answer)]
    return int(answers[0] or 0), found, [int(size) for size in sizes]


def add_flat(sums: dict[str, int], flat: Sequence[Any]) -> dict[str, int]:
    """Adds field, number, field, number ... to the sums, and returns them. Long numbers are texts."""
    names, numbers = flat[::2], flat[1::2]
    if not sums and str not in set(map(type, numbers)):  # a field with a text may be there more than once
        sums.update(zip(names, numbers, strict=True))
        return sums
    for name, number in zip(names, numbers, strict=True):
        sums[name] = sums.get(name, 0) + int(number)
    return sums


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[first : first + KEYS_A_CALL] for first in range(0, len(keys), KEYS_A_CALL))


def set_sizes(client: redis.Redis, keys: Keys, tp: str, sets: Sequence[set[str]]) -> list[int]:
    """How many members HyperLogLogs made of these sets say they have; made in the partition's slot."""
    name = f"{keys.offset(tp)}:count:{uuid.uuid4().hex}"
    return [_set_size(client, name, list(members)) for members in sets]


def _set_size(client: redis.Redis, name: str, members: Sequence[str]) -> int:
    pipe = client.pipeline(transaction=False)
    for chunk in _chunks(members):
        # one argument: to encode each member by itself took a third of an audit
        queue_script(pipe, MEMBERS, Call([name], [msgspec.msgpack.encode(chunk)]))
    queue(pipe, "PFCOUNT", name)
    pipe.delete(name)
    return int(pipe.execute()[-2])


def count_unions(
    client: redis.Redis, wanted: Sequence[tuple[Sequence[Sequence[str]], Sequence[bytes]]]
) -> list[int]:
    """How many distinct members HyperLogLogs have together, for each (groups, serialised): one round trip.

    A group: keys of one partition. serialised: sets that are not in Redis, as it gives them.
    On a cluster each partition's are merged where they are, and the results once more in one place.
    """
    if _is_cluster(client):
        return [_count_by_copies(client, groups, more) for groups, more in wanted]
    name = f"{changes_channel()}:{{{uuid.uuid4().hex}}}"
    pipe = client.pipeline(transaction=False)
    counts = []
    for place, (groups, more) in enumerate(wanted):
        copies = _copy(pipe, f"{name}:{place}", more)
        keys = [*(key for group in groups for key in group), *copies]
        counts.append(len(pipe))
        pipe.pfcount(*keys) if keys else pipe.exists(name)  # of nothing: 0
        if copies:
            pipe.unlink(*copies)
    answers = pipe.execute() if wanted else []
    return [int(answers[place]) for place in counts]


def count_union(client: redis.Redis, groups: Sequence[Sequence[str]]) -> int:
    """How many distinct members the HyperLogLogs have together. A group: keys of one partition."""
    return count_unions(client, [(groups, ())])[0]


def merge_sets(
    client: redis.Redis, wanted: Sequence[tuple[Sequence[Sequence[str]], Sequence[bytes]]]
) -> list[bytes]:
    """One HyperLogLog that holds what these hold, for each (groups, serialised) as of count_unions()."""
    if _is_cluster(client):
        return [_merge_copies(client, _merged_groups(client, groups, more)) for groups, more in wanted]
    name = f"{changes_channel()}:{{{uuid.uuid4().hex}}}"
    pipe = client.pipeline(transaction=False)
    places = []
    for place, (groups, more) in enumerate(wanted):
        copies = _copy(pipe, f"{name}:{place}", more)
        queue(pipe, "PFMERGE", f"{name}:{place}", *(key for group in groups for key in group), *copies)
        pipe.expire(f"{name}:{place}", COPY_S)
        places.append(len(pipe))
        pipe.get(f"{name}:{place}")
        pipe.unlink(f"{name}:{place}", *copies)
    answers = pipe.execute() if wanted else []
    return [cast(bytes, answers[place]) for place in places]


def _copy(pipe: Any, name: str, texts: Sequence[bytes]) -> list[str]:  # noqa: ANN401 - a pipeline of either kind
    """Queue that these become keys for a moment; returns their names."""
    copies = [f"{name}:{number}" for number in range(len(texts))]
    for copy, text in zip(copies, texts, strict=True):
        pipe.set(copy, text, ex=COPY_S)
    return copies


def _merged_groups(
    client: redis.Redis, groups: Sequence[Sequence[str]], more: Sequence[bytes]
) -> list[bytes]:
    """Each group merged where its partition is, and what is given beside them."""
    texts = list(more)
    for group in filter(None, groups):
        merged = f"{group[0]}:{uuid.uuid4().hex}"  # the partition's braces keep it in the partition's slot
        client.pfmerge(merged, *group)
        client.expire(merged, COPY_S)
        texts.append(cast(bytes, client.get(merged)))
        client.delete(merged)
    return texts


def _merge_copies(client: redis.Redis, texts: Sequence[bytes]) -> bytes:
    name = f"{changes_channel()}:{{{uuid.uuid4().hex}}}"
    copies = _copy(client, name, texts)
    client.pfmerge(name, *copies)
    client.expire(name, COPY_S)
    found = cast(bytes, client.get(name))
    client.delete(name, *copies)
    return found


def _count_by_copies(client: redis.Redis, groups: Sequence[Sequence[str]], more: Sequence[bytes]) -> int:
    if not (texts := _merged_groups(client, groups, more)):
        return 0
    copies = _copy(client, f"{changes_channel()}:{{{uuid.uuid4().hex}}}", texts)
    found = client.pfcount(*copies)
    client.delete(*copies)
    return found


def _is_cluster(client: object) -> bool:
    return isinstance(client, RedisCluster)
