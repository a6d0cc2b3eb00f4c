"""The lean reader against kafka-python's own, over every shape that a broker's answer can have."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import kafka
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import KafkaConsumer, TopicPartition, codec
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.util import calc_crc32c

from shopsite.events.lean import COMPARED, LeanRecords, read_lean

PLACE = TopicPartition("clicks", 3)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
APPENDED, TRANSACTIONAL, CONTROL = 0x08, 0x10, 0x20
Row = tuple[int, int, bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]


class Aborted(NamedTuple):
    """A transaction that the broker says was aborted."""

    producer_id: int
    first_offset: int


def has(name: str) -> bool:
    return bool(name == "none" or getattr(codec, f"has_{name}")())


def batch(
    rows: Sequence[Row],
    base: int = 0,
    *,
    compression: str = "none",
    flags: int = 0,
    producer: int = -1,
    last: int | None = None,
    epoch: int = 7,
) -> bytes:
    """Rows (offset in the batch, epoch ms, key, value, headers) as a broker stores them from offset `base`.

    last: the offset of the last record that was there before the log was compacted.
    """
    builder = DefaultRecordBatchBuilder(
        2, CODECS[compression], False, producer, 0 if producer >= 0 else -1, 0 if producer >= 0 else -1, 10**9
    )
    for row in rows:
        builder.append(*row)
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    struct.pack_into(">i", data, 12, epoch)
    (attributes,) = struct.unpack_from(">h", data, 21)
    struct.pack_into(">h", data, 21, attributes | flags)
    if last is not None:
        struct.pack_into(">i", data, 23, last)
    struct.pack_into(">I", data, DefaultRecordBatch.CRC_OFFSET, calc_crc32c(memoryview(data)[21:]))
    return bytes(data)


def marker(base: int, producer: int, *, commit: bool) -> bytes:
    """The control batch at the end of a transaction."""
    row = (0, 5, struct.pack(">hh", 0, int(commit)), struct.pack(">hi", 0, 1), ())
    return batch([row], base, flags=CONTROL | TRANSACTIONAL, producer=producer)


def given_by(
    kind: type[Any], data: bytes, *, first: int = 0, size: int | None = None, **options: Any
) -> Iterator[Any]:
    """What poll() sees of an answer: after each take() the records, the position, the epoch, or the error."""
    part = kind(first, PLACE, MemoryRecords(data), **options)
    for _ in range(10_000):
        if not part:
            return
        try:
            some = part.take(size)
        except Exception as error:
            yield type(error)
            return
        rows = [(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in some]
        yield rows, part.next_fetch_offset, part.leader_epoch
    raise AssertionError("an answer without an end")


def assert_same(data: bytes, **options: Any) -> list[Any]:
    stock = list(given_by(Fetcher.PartitionRecords, data, **options))
    assert list(given_by(LeanRecords, data, **options)) == stock
    return stock


rows = st.lists(
    st.tuples(
        st.integers(1, 200),  # steps between offsets: gaps, as compaction leaves them
        st.integers(-(2**20), 2**40),
        st.none() | st.binary(max_size=200),
        st.none() | st.binary(max_size=20_000) | st.just(b"x" * 70_000),
        st.lists(st.tuples(st.text(max_size=70), st.none() | st.binary(max_size=200)), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


def placed(steps: Sequence[Row]) -> list[Row]:
    offset, found = -1, []
    for step, *rest in steps:
        offset += step
        found.append((offset, *rest))
    return found  # type: ignore[return-value]


@settings(deadline=None)
@given(
    st.lists(st.tuples(rows, st.sampled_from([name for name in CODECS if has(name)])), max_size=4),
    st.integers(0, 900),
    st.none() | st.integers(1, 9),
    st.sampled_from([0, APPENDED]),
)
def test_every_shape_of_record_is_read_as_kafka_python_reads_it(
    batches: list[tuple[list[Row], str]], first: int, size: int | None, flags: int
) -> None:
    data, base = b"", 0
    for steps, compression in batches:
        some = placed(steps)
        data += batch(some, base, compression=compression, flags=flags, last=some[-1][0] + 3)
        base += some[-1][0] + 4
    assert_same(data, first=first, size=size)


@pytest.mark.parametrize("compression", CODECS)
def test_every_codec_is_read(compression: str) -> None:
    if not has(compression):
        pytest.skip(f"kafka-python's package for {compression} is not installed")
    some: list[Row] = [(n, n, b"key", b"a value that repeats" * 9, [("seq", b"1")]) for n in range(200)]
    packed = batch(some, compression=compression)
    assert len(packed) < 40_000 or compression == "none"
    (all_of_it, end, _), *_ = assert_same(packed)
    assert (len(all_of_it), end) == (200, 200)


@pytest.mark.parametrize("isolation", [IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED])
@pytest.mark.parametrize("size", [None, 1, 3])
def test_transactions_control_batches_and_what_was_aborted(isolation: int, size: int | None) -> None:
    def part(base: int, producer: int) -> bytes:
        some: list[Row] = [(n, 0, None, b"%d" % (base + n), ()) for n in range(3)]
        return batch(some, base, producer=producer, flags=TRANSACTIONAL if producer >= 0 else 0)

    data = b"".join(
        [
            *(part(0, 1), part(3, 2), part(6, -1), marker(9, 1, commit=False), part(10, 1)),
            *(
                marker(13, 2, commit=True),
                marker(14, 1, commit=True),
                part(15, 2),
                marker(18, 2, commit=False),
            ),
        ]
    )
    aborted = [Aborted(2, 15), Aborted(1, 0)]

    seen = assert_same(data, isolation_level=isolation, aborted_transactions=aborted, size=size)

    values = [row[3] for rows, *_ in seen for row in rows]
    committed = [*range(3, 9), *range(10, 13)]
    assert [int(v) for v in values] == (
        committed if isolation == IsolationLevel.READ_COMMITTED else [0, 1, 2, *committed, 15, 16, 17]
    )
    assert seen[-1][1] == 19  # past the last marker


@pytest.mark.parametrize("magic", [0, 1])
def test_logs_that_are_older_than_their_broker(magic: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, 1, 10**6)
    for n in range(5):
        builder.append(n, 1000 + n, b"k", b"value" * 20)
    assert_same(bytes(builder.build()), first=2, size=2)


def broken(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize("size", [None, 1, 4])
def test_a_batch_with_a_wrong_checksum_is_told_after_what_is_before_it(size: int | None) -> None:
    good = batch([(n, 0, b"k", b"v", ()) for n in range(3)])
    bad = broken(batch([(0, 0, b"k", b"v", ())], 3), 65)
    seen = assert_same(good + bad + good, size=size)
    assert seen[-1] is CorruptRecordError
    assert_same(bad, size=size)


@pytest.mark.parametrize("at", range(61, 100))
def test_a_record_that_contradicts_itself_is_told_after_what_is_before_it(at: int) -> None:
    data = broken(batch([(n, n, b"k", b"v" * 9, [("seq", b"1")]) for n in range(3)]), at)
    stock = list(given_by(Fetcher.PartitionRecords, data, check_crcs=False, size=1))
    ours = list(given_by(LeanRecords, data, check_crcs=False, size=1))
    if stock[-1] is CorruptRecordError or ours[-1] is CorruptRecordError:
        assert ours[-1] is stock[-1] is CorruptRecordError
    else:  # within a key or a value nobody can tell
        assert ours == stock


def test_a_corrupt_answer_is_dropped_so_that_it_is_asked_for_again() -> None:
    part = LeanRecords(0, PLACE, MemoryRecords(broken(batch([(0, 0, None, b"v", ())]), 65)))
    with pytest.raises(CorruptRecordError):
        part.take(5)
    assert not part
    assert part.next_fetch_offset == 0


class Consumer:
    """As much of a KafkaConsumer as read_lean looks at."""

    def __init__(self) -> None:
        self._fetcher = type("Fetcher", (), {"PartitionRecords": Fetcher.PartitionRecords})()


def test_the_lean_reader_takes_the_place_of_the_version_that_it_was_compared_with() -> None:
    consumer = Consumer()
    assert kafka.__version__ == COMPARED, "compare the two anew, then change COMPARED"
    assert read_lean(consumer)
    assert consumer._fetcher.PartitionRecords is LeanRecords
    assert KafkaConsumer.DEFAULT_CONFIG["check_crcs"]


def test_another_version_of_kafka_python_reads_by_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = Consumer()
    monkeypatch.setattr("kafka.__version__", "3.1.0")
    assert not read_lean(consumer)
    assert consumer._fetcher.PartitionRecords is Fetcher.PartitionRecords
    assert "3.1.0" in caplog.text
