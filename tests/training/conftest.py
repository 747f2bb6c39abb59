"""A small labelled set of bursts over noise, in the layout of the shared one."""

import csv

import h5py
import numpy as np
import obspy
import pytest

from quake_stream.training.examples import Example

COLUMNS = [
    "id",
    "shard",
    "row",
    "label",
    "quality",
    "split",
    "group",
    "station_key",
    "label_detail",
    "event_id",
    "pick_source",
    "p_sample",
    "s_sample",
    "snr_db",
    "magnitude",
    "distance_km",
    "instrument",
    "noise_start",
    "noise_end",
    "valid_start",
    "valid_end",
    "native_fs",
    "network",
    "start_time",
    "dataset",
    "source_repo",
    "licence",
]
N = 6000
P = 3000
PADDING = 1e9  # stands where nothing was recorded; no cut may ever show it


def noise(rng, n=N):
    """Background [3, n] that wanders slowly around an offset."""
    return rng.standard_normal((3, n)) + 50 * np.sin(np.arange(n) / 3000) + 1000


def burst(rng, n, p):
    """Make an earthquake [3, n]: 3-15 Hz from ``p`` on, decaying over seconds."""
    t = np.arange(n - p) / 100
    out = np.zeros((3, n))
    for hz in rng.uniform(3, 15, 6):
        out[:, p:] += rng.uniform(0.3, 1, (3, 1)) * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6))
    return 8 * out * np.exp(-np.maximum(np.arange(n) - p, 0) / 400)


def row_of(number, *, is_quake, **changes):
    values = {
        "id": f"synthetic_{number}",
        "shard": "synthetic.h5",
        "row": number,
        "label": "earthquake" if is_quake else "noise",
        "quality": "A",
        "split": "val" if number % 3 == 0 else "train",
        "group": f"group{number}",
        "station_key": f"XX.S{number % 7}",
        "label_detail": "",
        "event_id": f"event{number}" if is_quake else "",
        "pick_source": "analyst" if is_quake else "",
        "p_sample": float(P) if is_quake else "",
        "s_sample": P + 300.0 if is_quake else "",
        "noise_start": 200.0,
        "noise_end": P - 100.0 if is_quake else N - 200.0,
        "valid_start": 200,
        "valid_end": N - 200,
        "snr_db": 18.5 if is_quake else "",
        "magnitude": 1.5 if is_quake else "",
        "distance_km": "",
        "instrument": "seismometer",
        "native_fs": 100.0,
        "network": "XX",
        "start_time": "2020-01-01T00:00:00.000000Z",
        "dataset": "Synthetic",
        "source_repo": "owner/repository",
        "licence": "CC0",
    }
    return {**values, **changes}


def write_labelled(folder, rows, traces):
    folder.mkdir(parents=True)
    with h5py.File(folder / "synthetic.h5", "w") as file:
        file["waveforms"] = np.asarray(traces, dtype=np.float32)
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def write_stream(folder, samples, *, start, network="XX", station="ST1", rate_hz=100.0, components="ZNE"):
    """Write miniSEED as a set of recordings has it, one file a component."""
    (folder / "mseed").mkdir(parents=True, exist_ok=True)
    for code, values in zip(components, samples, strict=True):
        trace = obspy.Trace(np.asarray(values, dtype=np.int32))
        trace.stats.update(
            {"network": network, "station": station, "channel": f"HH{code}", "sampling_rate": rate_hz}
        )
        trace.stats.starttime = obspy.UTCDateTime(start)
        name = f"{network}.{station}.HH{code}.{start.replace(':', '')}.mseed"
        trace.write(str(folder / "mseed" / name), format="MSEED")


def make_labelled(folder, n=60, seed=0):
    rng = np.random.default_rng(seed)
    rows, traces = [], []
    for number in range(n):
        is_quake = number % 2 == 0
        trace = noise(rng) + (burst(rng, N, P) if is_quake else 0)
        trace[:, :200] = trace[:, -200:] = PADDING
        rows.append(row_of(number, is_quake=is_quake))
        traces.append(trace)
    write_labelled(folder, rows, traces)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory):
    """``labelled/`` with 30 earthquakes and 30 recordings of noise, and one set under ``noise/``."""
    folder = tmp_path_factory.mktemp("data")
    make_labelled(folder / "labelled")
    rng = np.random.default_rng(9)
    samples = 1000 * rng.standard_normal((3, 9000))
    write_stream(folder / "noise" / "site", samples, start="2020-01-01T00:00:00")
    (folder / "noise" / "site" / "SOURCE.txt").write_text("Repository: https://x.org/y\nLicence: CC0\n")
    return folder


SEISBENCH_COLUMNS = [
    "trace_name",
    "trace_category",
    "trace_start_time",
    "trace_p_arrival_sample",
    "trace_p_status",
    "trace_s_arrival_sample",
    "trace_snr_db",
    "trace_channel",
    "station_network_code",
    "station_code",
    "source_id",
    "source_magnitude",
    "path_ep_distance_km",
    "split",
]


def seisbench_row(number, *, is_quake, name, **changes):
    """One row of ``metadata.csv`` in SeisBench's format."""
    values = {
        "trace_name": name,
        "trace_category": "earthquake_local" if is_quake else "noise",
        "trace_start_time": "2020-01-01T00:00:00",
        "trace_p_arrival_sample": float(P) if is_quake else "",
        "trace_p_status": "manual" if is_quake else "",
        "trace_s_arrival_sample": P + 300.0 if is_quake else "",
        "trace_snr_db": "[18. 20. 22.]" if is_quake else "",
        "trace_channel": "HH",
        "station_network_code": "XX",
        "station_code": f"S{number % 7}",
        "source_id": f"event{number}" if is_quake else "",
        "source_magnitude": 1.5 if is_quake else "",
        "path_ep_distance_km": 12.0 if is_quake else "",
        "split": ("train", "train", "dev", "dev", "test")[number // 2 % 5],
    }
    return {**values, **changes}


def write_seisbench(folder, rows, arrays, *, chunk="", **data_format):
    """Write a set, or one chunk of it: ``arrays`` by the name of a trace, or of a block of traces."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / f"waveforms{chunk}.hdf5", "w") as file:
        for name, values in arrays.items():
            file[f"data/{name}"] = np.asarray(values, dtype=np.float32)
        given = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 100, **data_format}
        for key, value in given.items():
            if value is not None:
                file[f"data_format/{key}"] = value
        file.require_group("data_format")
    columns = list(dict.fromkeys(column for row in rows for column in row)) or SEISBENCH_COLUMNS
    with (folder / f"metadata{chunk}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def make_seisbench(folder, n=60, seed=1):
    """Write earthquakes in one block and background one trace a data set, as SeisBench allows both."""
    rng = np.random.default_rng(seed)
    rows, blocks, arrays = [], [], {}
    for number in range(n):
        is_quake = number % 2 == 0
        trace = noise(rng) + (burst(rng, N, P) if is_quake else 0)
        if is_quake:
            name = f"bucket0${len(blocks)},:3,:{N}"
            blocks.append(trace)
        else:
            name = f"noise{number}"
            arrays[name] = trace
        rows.append(seisbench_row(number, is_quake=is_quake, name=name))
    write_seisbench(folder, rows, {"bucket0": blocks, **arrays})


@pytest.fixture(scope="session")
def seisbench_folder(tmp_path_factory):
    """Write a set in SeisBench's format: 30 earthquakes and 30 recordings of noise."""
    folder = tmp_path_factory.mktemp("sets") / "own_seisbench"
    make_seisbench(folder)
    return folder


@pytest.fixture
def make_example():
    """Make examples that need no file."""

    def make(**changes):
        n = changes.pop("n", 4000)
        rng = np.random.default_rng(changes.pop("seed", 1))
        values = {
            "samples": rng.standard_normal((3, n)).astype(np.float32),
            "p_index": -1,
            "s_index": -1,
            "noise": (0, n),
            "dataset": "set",
            "station": "XX.A",
            "group": "g",
            "split": "train",
            "native_rate_hz": 100.0,
            "label": "earthquake" if changes.get("p_index", -1) >= 0 else "",
        }
        return Example(**{**values, **changes})

    return make


@pytest.fixture
def tools():
    """Hand out what tests of readers need to write recordings."""

    class Tools:
        pass

    Tools.N, Tools.P, Tools.PADDING = N, P, PADDING
    Tools.noise, Tools.burst, Tools.row_of = staticmethod(noise), staticmethod(burst), staticmethod(row_of)
    Tools.write_seisbench = staticmethod(write_seisbench)
    Tools.seisbench_row = staticmethod(seisbench_row)
    Tools.write_labelled, Tools.write_stream = staticmethod(write_labelled), staticmethod(write_stream)
    return Tools
