"""Stations that trigger often, now and then for minutes on end, as miniSEED: something to be killed in."""

from pathlib import Path

import numpy as np
import obspy

START_NS = 1_750_000_000_123_400_000
DURATION_S = 600
# code, channels, samples per second, bytes of a record
STATIONS = (
    ("XX.ONE", ("HHZ",), 100.0, 512),
    ("XX.TWO", ("HHZ", "HHN", "HHE"), 100.0, 512),
    ("XX.TWO", ("SHZ",), 40.0, 256),
    ("XX.LONG", ("BHZ",), 40.0, 4096),
)


def write(folder: Path, *, seed: int = 0, start_ns: int = START_NS) -> Path:
    """Write one file for each channel; returns the folder."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for code, channels, rate_hz, n_bytes in STATIONS:
        bursts = _bursts(rng)
        for channel in channels:
            network, station = code.split(".")
            header = {"network": network, "station": station, "channel": channel, "sampling_rate": rate_hz}
            trace = obspy.Trace(_samples(rng, bursts, rate_hz), header)
            trace.stats.starttime = obspy.UTCDateTime(ns=start_ns)
            path = folder / f"{trace.id}.mseed"
            trace.write(str(path), format="MSEED", encoding="STEIM2", reclen=n_bytes)
    return folder


def _bursts(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Onset and length (s) of wave trains, in a row of which each may set off the next detection."""
    onsets, time_s = [], 40.0
    while time_s < DURATION_S - 60:
        n_trains = int(rng.choice([1, 1, 2, 3, 25]))
        for _ in range(n_trains):
            onsets.append((time_s, float(rng.uniform(0.5, 2.0))))
            time_s += 4.0
        time_s += float(rng.uniform(5.0, 60.0))
    return onsets


def _samples(rng: np.random.Generator, bursts: list[tuple[float, float]], rate_hz: float) -> np.ndarray:
    data = rng.normal(0, 10, round(DURATION_S * rate_hz))
    for onset_s, length_s in bursts:
        first, n = round(onset_s * rate_hz), round(length_s * rate_hz)
        data[first : first + n] += rng.normal(0, rng.uniform(200, 3000), n)
    return data.astype(np.int32)
