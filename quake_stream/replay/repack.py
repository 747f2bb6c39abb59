"""
Write the samples of a record again as 512-byte miniSEED 2, for clients that read no other length.

Integers become Steim2, floats stay floats; no sample changes.  Must not be used on text records.
"""

from pymseed import DataEncoding, MiniSEEDError, MS3Record

from quake_stream.mseed.record import RecordError, RecordHeader, Refusal

RECORD_BYTES = 512

_ENCODINGS = {"i": DataEncoding.STEIM2, "f": DataEncoding.FLOAT32, "d": DataEncoding.FLOAT64}


def repack(record: bytes, header: RecordHeader) -> list[bytes]:
    """
    Cut a record of any length or version into records of 512 bytes.

    A record that fits, or that holds no series, comes back as it is.

    Raises
    ------
    RecordError
        ``bad_payload``: the samples cannot be decoded, or not be said in miniSEED 2.
    """
    is_series = header.n_samples > 0 and header.sample_rate_hz > 0
    if not is_series or (header.version == 2 and header.length == RECORD_BYTES):
        return [record]
    try:
        parsed = MS3Record.parse(record, unpack_data=True)
        samples = parsed.np_datasamples.copy()
        kind = str(parsed.sampletype)
        parsed.formatversion, parsed.reclen, parsed.encoding = 2, RECORD_BYTES, _ENCODINGS[kind]
        try:
            return list(parsed.generate(samples, kind))
        except MiniSEEDError:
            # Steim2 holds differences of up to 30 bits; plain integers hold all.
            parsed.encoding = DataEncoding.INT32
            return list(parsed.generate(samples, kind))
    except (MiniSEEDError, KeyError, ValueError) as exc:
        raise RecordError(Refusal.BAD_PAYLOAD, str(exc), station=header.station) from exc
