"""Names of events that follow from what happened, so that the same fact twice has the same name."""

from hashlib import sha256

MAX_CHARS = 128  # of an event id in every message and column


def event_name(kind: str, *parts: str) -> str:
    """`kind:part:part`; hashed where that would be too long or could mean two things.

    event_name("sale", "456", "abc") is "sale:456:abc" on every machine and at every try.
    """
    plain = ":".join((kind, *parts))
    if len(plain) <= MAX_CHARS and plain.count(":") - kind.count(":") == len(parts):  # none in a part
        return plain
    exact = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{kind}:{sha256(exact.encode()).hexdigest()}"
