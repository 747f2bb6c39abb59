"""
Which packets are let into a trace at all; decides by the packet alone and keeps no state.

A refused packet changes nothing but a counter.
"""

import numpy as np

from quake_stream.types import NS_PER_S, Packet
from quake_stream.windowing.resampler import MAX_RATE_HZ, MIN_RATE_HZ

MIN_TIME_NS = 315_532_800 * NS_PER_S  # 1980-01-01: GPS time, and digital networks, begin then
MAX_TIME_NS = 7_258_118_400 * NS_PER_S  # 2200-01-01: before int64 nanoseconds end in 2262
MAX_COUNTS = 1e30  # far above any digitizer; its square still fits a float32 sum in float64


def refusal(packet: Packet, max_future_ns: int, newest_ns: int | None = None) -> str | None:
    """
    Give the reason to refuse a packet, or None.

    Parameters
    ----------
    packet
        A packet with samples.
    max_future_ns
        By how much a packet may begin after its arrival, or after the data before it: where these go on,
        it is the host's clock that was set back.
    newest_ns
        Time after the newest data of the instrument, UTC ns; None before the first.

    Returns
    -------
    str or None
        ``sample_rate`` (not 20–500 Hz), ``absurd_time`` (before 1980 or after 2200), ``future``,
        ``not_finite`` (NaN, infinite or beyond 1e30 counts).
    """
    if not MIN_RATE_HZ <= packet.sample_rate_hz <= MAX_RATE_HZ:
        return "sample_rate"
    if packet.start_ns < MIN_TIME_NS or packet.end_ns > MAX_TIME_NS:
        return "absurd_time"
    now_ns = packet.received_ns if newest_ns is None else max(packet.received_ns, newest_ns)
    if packet.start_ns > now_ns + max_future_ns:
        return "future"
    if packet.samples.dtype.kind == "f" and not np.all(np.abs(packet.samples) <= MAX_COUNTS):
        return "not_finite"
    return None
