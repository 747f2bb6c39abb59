"""
Write the samples of a record again as 512-byte miniSEED 2, for clients that read no other length.

Integers become Steim2, floats stay floats; no sample changes.  Clock flags are kept, other blockettes not.
"""

import numpy as np
from pymseed import DataEncoding, MiniSEEDError, MS3Record

from quake_stream.mseed.decode import decode
from quake_stream.mseed.record import RecordError, RecordHeader, Refusal

RECORD_BYTES = 512

# Steim2 holds differences of up to 30 bits; where that is not enough, plain integers are.
_ENCODINGS = {
    np.dtype(np.int32): ("i", (DataEncoding.STEIM2, DataEncoding.INT32)),
    np.dtype(np.float32): ("f", (DataEncoding.FLOAT32,)),
    np.dtype(np.float64): ("d", (DataEncoding.FLOAT64,)),
}
_TIME_QUESTIONABLE, _CLOCK_LOCKED = 0x02, 0x04  # miniSEED 3, fixed header, flags


def repack(record: bytes, header: RecordHeader) -> list[bytes]:
    """
    Cut a record of any length or version into records of 512 bytes.

    A record of version 2 that has this length, or that holds no series, comes back as it is.

    Raises
    ------
    RecordError
        The samples cannot be decoded, or not be said in miniSEED 2 (``bad_payload``).
    """
    is_series = header.n_samples > 0 and header.sample_rate_hz > 0
    if not is_series or (header.version == 2 and header.length == RECORD_BYTES):
        return [record]
    packet = decode(record, received_ns=header.end_ns, header=header)
    made = MS3Record(reclen=RECORD_BYTES)
    made.formatversion = 2
    made.sourceid, made.starttime, made.samprate = (
        str(packet.source_id),
        packet.start_ns,
        packet.sample_rate_hz,
    )
    made.flags = _TIME_QUESTIONABLE * header.is_time_questionable + _CLOCK_LOCKED * header.is_clock_locked
    kind, encodings = _ENCODINGS[packet.samples.dtype]
    detail = ""
    for encoding in encodings:
        made.encoding = encoding
        try:
            return list(made.generate(packet.samples, kind))
        except MiniSEEDError as exc:
            detail = str(exc)
    raise RecordError(Refusal.BAD_PAYLOAD, detail, station=header.station)
