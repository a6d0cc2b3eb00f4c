"""Read a fetch's records four times as fast as kafka-python. Kafka -> here -> aggregate, audit, rebuild.

kafka-python makes each record a tuple of 13 fields through a dozen calls, which is two thirds of what a
plain reader does. This one decodes a batch in one loop into what our readers look at, and leaves batches,
checksums, codecs, transactions and positions to kafka-python. It takes the place of a private class, so only
of the version that it was compared with: tests/unit/test_lean.py. Any other version reads as it always did.
"""

import logging
from collections.abc import Iterator
from typing import Any, Final

import kafka
import msgspec
from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

log = logging.getLogger(__name__)
COMPARED: Final = "3.0.12"

Headers = tuple[tuple[str, bytes | None], ...]


class LeanRecord(msgspec.Struct, gc=False):
    """What readers look at of a Kafka record."""

    offset: int
    timestamp: int  # epoch ms
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def read_lean(consumer: KafkaConsumer) -> bool:
    """Have the consumer's poll() give LeanRecords; whether it does: not with another kafka-python."""
    if kafka.__version__ != COMPARED:
        log.warning(
            "kafka-python %s is not %s, with which the lean reader was compared: reading at its own pace",
            kafka.__version__,
            COMPARED,
        )
        return False
    consumer._fetcher.PartitionRecords = LeanRecords
    return True


class LeanRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """The records of one partition in one answer of a broker."""

    def __init__(
        self,
        fetch_offset: int,
        tp: Any,  # noqa: ANN401 - kafka-python's
        records: Any,  # noqa: ANN401
        **options: Any,
    ) -> None:
        super().__init__(fetch_offset, tp, records, **options)
        self._batches = self._kept_batches(records)
        self._ready: list[LeanRecord] = []  # decoded, of the batch that is being given away
        self._given = 0  # so many of them

    def take(self, n: int | None = None) -> list[LeanRecord]:
        """At most n records (None: all), fewer where the answer ends.

        Raises what is wrong with the next one, once what is before it was given; then the answer is dropped,
        so that it is asked for again (3.0.12 itself would give nothing, for ever, and never return).
        """
        try:
            self._maybe_raise_next_inline_exception()
            return self._take(n)
        except Exception:
            self.drain()
            raise

    def _take(self, n: int | None) -> list[LeanRecord]:
        taken: list[LeanRecord] = []
        while n is None or len(taken) < n:
            if self._given == len(self._ready) and not self._decode_next(hold=bool(taken)):
                break
            end = len(self._ready) if n is None else self._given + n - len(taken)
            some = self._ready[self._given : end]
            self._given += len(some)
            self.next_fetch_offset = some[-1].offset + 1
            taken += some
        return taken

    def _decode_next(self, *, hold: bool) -> bool:
        """Make the next batch that has records ready; False at the answer's end.

        hold: keep an error for the next call, because records before it are still to be given.
        """
        self._ready, self._given = [], 0
        try:
            while not self._ready:
                if not self._batches_left():
                    return False
        except Exception as error:
            if not (hold or self._ready):
                raise
            self._next_inline_exception = error
        return bool(self._ready)

    def _batches_left(self) -> bool:
        batch = next(self._batches, None)
        if batch is None:
            self.drain()
            return False
        decode_batch(batch, self._ready, self.fetch_offset)
        self.records_read += len(self._ready)
        self.bytes_read += batch.size_in_bytes
        return True

    def _kept_batches(self, records: Any) -> Iterator[Any]:  # noqa: ANN401 - kafka-python's
        """The batches whose records are given: checked, without control batches and aborted transactions."""
        last = None
        while (batch := records.next_batch()) is not None:
            last = batch
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(
                    f"Record batch for partition {self.topic_partition} at offset {batch.base_offset} "
                    "failed crc check"
                )
            if batch.magic == 2:
                self.leader_epoch = batch.leader_epoch
                if self._is_hidden(batch):
                    self.next_fetch_offset = batch.next_offset
                    continue
            yield batch
        # offsets at a batch's end may be gone by compaction: the next fetch must begin after them
        if last is not None and last.magic == 2:
            self.next_fetch_offset = last.next_offset

    def _is_hidden(self, batch: DefaultRecordBatch) -> bool:
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return bool(batch.is_control_batch)


def decode_batch(batch: Any, into: list[LeanRecord], first: int) -> None:  # noqa: ANN401 - kafka-python's
    """Append the batch's records from offset `first` on. Raises CorruptRecordError after those before it."""
    if batch.magic != 2:  # Kafka 4 has none, but a log may be older than its broker
        into += [
            LeanRecord(record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
            for record in batch
            if record.offset >= first
        ]
        return
    iter(batch)  # decompresses it
    try:
        _decode(batch, bytes(batch._buffer), batch._pos, into)
    except (ValueError, IndexError) as error:
        raise CorruptRecordError(f"Found invalid record structure: {error!r}") from error
    finally:
        if batch.base_offset < first:  # a fetch may begin in the middle of a batch
            into[:] = [record for record in into if record.offset >= first]


def _decode(batch: DefaultRecordBatch, data: bytes, pos: int, into: list[LeanRecord]) -> None:
    """The loop. A record is: length, attributes, time and offset as differences, key, value, headers.

    Numbers are zigzag varints; those of one and two bytes, nearly all, are decoded in place.
    """
    append = into.append
    base_offset, base_time = batch.base_offset, batch.first_timestamp
    appended_at = batch.max_timestamp if batch.timestamp_type else None
    for _ in range(batch.records_count):
        if (byte := data[pos]) < 128:
            size, pos = byte >> 1, pos + 1
        elif (more := data[pos + 1]) < 128:
            size, pos = (byte & 127 | more << 7) >> 1, pos + 2
        else:
            size, pos = decode_varint(data, pos)
        end = pos + size
        pos += 1  # attributes: none are defined
        if (byte := data[pos]) < 128:
            later, pos = (byte >> 1) ^ -(byte & 1), pos + 1
        else:
            later, pos = decode_varint(data, pos)
        if (byte := data[pos]) < 128:
            place, pos = byte >> 1, pos + 1
        elif (more := data[pos + 1]) < 128:
            place, pos = (byte & 127 | more << 7) >> 1, pos + 2
        else:
            place, pos = decode_varint(data, pos)
        if (byte := data[pos]) < 128:
            size, pos = (byte >> 1) ^ -(byte & 1), pos + 1
        else:
            size, pos = decode_varint(data, pos)
        key = None
        if size >= 0:
            key = data[pos : pos + size]
            pos += size
        if (byte := data[pos]) < 128:
            size, pos = (byte >> 1) ^ -(byte & 1), pos + 1
        elif (more := data[pos + 1]) < 128:
            size, pos = (byte & 127 | more << 7) >> 1, pos + 2
        else:
            size, pos = decode_varint(data, pos)
        value = None
        if size >= 0:
            value = data[pos : pos + size]
            pos += size
        headers: Headers = ()
        if data[pos]:
            headers, pos = _decode_headers(data, pos)
        else:
            pos += 1
        if pos != end:
            raise CorruptRecordError(f"Invalid record size: {pos - end} bytes more than it says")
        append(
            LeanRecord(
                base_offset + place,
                base_time + later if appended_at is None else appended_at,
                key,
                value,
                headers,
            )
        )
    if pos != len(data):
        raise CorruptRecordError(f"{len(data) - pos} unconsumed bytes after all records consumed")


def _decode_headers(data: bytes, pos: int) -> tuple[Headers, int]:
    count, pos = decode_varint(data, pos)
    if count < 0:
        raise CorruptRecordError(f"Found invalid number of record headers {count}")
    headers = []
    for _ in range(count):
        size, pos = decode_varint(data, pos)
        if size < 0:
            raise CorruptRecordError(f"Invalid negative header key size {size}")
        name = data[pos : pos + size].decode()
        pos += size
        size, pos = decode_varint(data, pos)
        value = None
        if size >= 0:
            value = data[pos : pos + size]
            pos += size
        headers.append((name, value))
    return tuple(headers), pos
