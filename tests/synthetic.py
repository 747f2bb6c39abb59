"""Noise with a wave train now and then, as packets: what the STA/LTA baseline is sure about."""

from collections.abc import Iterator, Sequence

import numpy as np

from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet, Position

RATE_HZ = 100.0
START_NS = 1_750_000_000 * NS_PER_S


def samples(n_s: int, onsets_s: Sequence[float], seed: int = 0) -> np.ndarray:
    """Make counts at 100 Hz: noise of 10 counts, from each onset on two seconds of 3000."""
    rng = np.random.default_rng(seed)
    data = rng.normal(0, 10, round(n_s * RATE_HZ))
    for onset_s in onsets_s:
        first = round(onset_s * RATE_HZ)
        data[first : first + 200] += rng.normal(0, 3000, 200)
    return data.astype(np.int32)


def packets(
    n_s: int,
    onsets_s: Sequence[float] = (),
    *,
    nslc: str = "CX.PB01..HHZ",
    start_ns: int = START_NS,
    packet_s: float = 1.0,
    received_ns: int | None = None,
    server: str = "",
) -> Iterator[Packet]:
    """Cut one trace into packets; received at their ends, or all at ``received_ns``."""
    data = samples(n_s, onsets_s)
    step = round(packet_s * RATE_HZ)
    source_id = SourceId.from_nslc(nslc)
    for number, first in enumerate(range(0, len(data), step)):
        piece = data[first : first + step]
        from_ns = start_ns + round(first / RATE_HZ * NS_PER_S)
        to_ns = from_ns + round(len(piece) / RATE_HZ * NS_PER_S)
        position = Position(
            server=server,
            network=source_id.network,
            station=source_id.station,
            sequence=number,
            start_ns=from_ns,
        )
        yield Packet(
            source_id=source_id,
            start_ns=from_ns,
            sample_rate_hz=RATE_HZ,
            samples=piece,
            received_ns=to_ns if received_ns is None else received_ns,
            position=position if server else None,
        )
