"""Scripts that read one partition's keys, a call a partition. store.py, presence.py -> here -> Redis."""

from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any, NamedTuple

import redis
from redis.exceptions import NoScriptError

from shopsite.events.redis import queue


class Script(NamedTuple):
    """A script, and the name by which Redis knows it once it has run."""

    text: str
    sha: str


class Call(NamedTuple):
    """One call; all its keys are of one partition, so of one slot."""

    keys: Sequence[str]
    args: Sequence[str | bytes | int] = ()


def script(name: str) -> Script:
    """The script in the file of that name beside this one."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def queue_script(pipe: Any, script: Script, call: Call) -> None:  # noqa: ANN401 - a pipeline of either kind
    """Queue a call that carries the script along: for pipelines that can't be sent twice."""
    queue(pipe, "EVAL", script.text, len(call.keys), *call.keys, *call.args)


def run(client: redis.Redis, script: Script, calls: Sequence[Call]) -> list[Any]:
    """The script's answers: in one round trip, or one for each node of a cluster. It must only read."""
    try:
        return _run(client, ("EVALSHA", script.sha), calls)
    except NoScriptError:  # it is new to Redis, or to a node
        return _run(client, ("EVAL", script.text), calls)


def _run(client: redis.Redis, command: tuple[str, str], calls: Sequence[Call]) -> list[Any]:
    pipe = client.pipeline(transaction=False)
    for keys, args in calls:
        queue(pipe, *command, len(keys), *keys, *args)
    return pipe.execute()
