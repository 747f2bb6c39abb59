"""One miniSEED record: it is decoded, or refused with a reason."""

from collections.abc import Iterator
from pathlib import Path

from fuzz.made import records
from quake_stream.mseed.decode import decode
from quake_stream.mseed.header import peek, record_length
from quake_stream.mseed.record import RecordError


def seeds() -> Iterator[bytes]:
    """Give records of both versions and of all encodings."""
    yield from records()


def check(data: bytes, _folder: Path) -> None:
    """Raise nothing but RecordError, and let nothing through that is not as its header says."""
    for read in (record_length, peek):
        try:
            read(data)
        except RecordError:
            continue
    try:
        packet = decode(data, received_ns=0)
    except RecordError as refused:
        assert str(refused.reason)  # noqa: PT017  a property of every refusal, not the refusal itself, is asserted
        return
    header = peek(data)
    assert packet.n_samples == header.n_samples > 0
    assert packet.start_ns == header.start_ns
    assert not packet.samples.flags.writeable
