import threading

import numpy as np
import pymseed
import pytest

from quake_stream.counters import by_reason
from quake_stream.errors import SourceError
from quake_stream.ingest.files import FileSource
from quake_stream.protocols import Source
from quake_stream.selection import parse_streams
from quake_stream.types import NS_PER_S

START_NS = 1_700_000_000 * NS_PER_S
TIMEOUT_S = 20


def pack(samples, nslc, start_ns=START_NS):
    record = pymseed.MS3Record(reclen=512, encoding=11)
    record.sourceid, record.starttime, record.samprate = f"FDSN:{nslc}", start_ns, 100.0
    record.formatversion = 2
    return [bytes(packed) for packed in record.generate(data_samples=samples, sample_type="i")]


@pytest.fixture
def folder(tmp_path):
    """Two streams of 5000 samples each, a file per stream."""
    samples = np.cumsum(np.random.default_rng(3).integers(-50, 50, 5000)).astype(np.int32)
    for nslc in ("IU_ANMO_00_B_H_Z", "IU_ANMO_00_B_H_N"):
        (tmp_path / nslc).write_bytes(b"".join(pack(samples, nslc)))
    return tmp_path


def run(source):
    packets = []
    source.run(packets.append)
    return packets


def test_it_is_a_source(folder):
    source: Source = FileSource(paths=[folder])
    assert source.name == str(folder)
    assert FileSource(paths=[folder, folder, folder]).name == f"{folder} and 2 more"


def test_all_samples_are_delivered_in_the_order_of_record_ends(folder):
    packets = run(FileSource(paths=[folder]))
    assert sum(packet.n_samples for packet in packets) == 10_000
    order = [(packet.end_ns, str(packet.source_id)) for packet in packets]
    assert order == sorted(order)
    assert all(packet.received_ns == packet.end_ns for packet in packets)
    assert all(packet.position is None for packet in packets)


def test_streams_and_times_are_chosen(folder):
    packets = run(
        FileSource(
            paths=[folder],
            include=parse_streams("IU.ANMO"),
            exclude=parse_streams("*.*.*.BHN"),
            start_ns=START_NS + 10 * NS_PER_S,
            end_ns=START_NS + 20 * NS_PER_S,
        )
    )
    assert {packet.source_id.nslc for packet in packets} == {"IU.ANMO.00.BHZ"}
    assert all(packet.end_ns > START_NS + 10 * NS_PER_S for packet in packets)
    assert all(packet.start_ns < START_NS + 20 * NS_PER_S for packet in packets)


def test_the_total_is_known_before_and_the_count_grows_with_each_record(folder):
    source = FileSource(paths=[folder])
    n_records = source.n_records
    assert n_records > 4
    assert source.n_read == 0
    seen = [(source.n_read, source.progress()) for _ in source.packets()]
    assert [n_read for n_read, _ in seen] == list(range(1, n_records + 1))
    assert sorted(set(seen)) == seen


def test_refused_records_are_counted_by_reason_and_station(folder):
    record = bytearray((folder / "IU_ANMO_00_B_H_Z").read_bytes()[:512])
    record[300] ^= 0xFF
    (folder / "damaged").write_bytes(bytes(record) + b"junk")
    source = FileSource(paths=[folder])
    assert sum(packet.n_samples for packet in run(source)) == 10_000
    assert source.n_read == source.n_records
    assert by_reason(source.counts()) == {
        "bytes.skipped": 4,
        "records.refused.bad_payload": 1,
        "records.refused.truncated": 1,
    }
    assert {key.station for key in source.counts() if key.reason == "bad_payload"} == {"IU.ANMO"}


@pytest.mark.fault(18)
def test_leap_seconds_are_counted_and_their_samples_delivered(tmp_path):
    (record,) = pack(np.arange(9, dtype=np.int32), "IU_ANMO_00_B_H_Z")
    (tmp_path / "leap").write_bytes(record[:26] + b"\x3c" + record[27:])
    source = FileSource(paths=[tmp_path])
    assert len(run(source)) == 1
    assert by_reason(source.counts()) == {"records.leap_seconds": 1}


def test_stop_ends_the_run_from_another_thread(folder):
    source = FileSource(paths=[folder])
    delivered, go_on = threading.Event(), threading.Event()
    packets = []

    def deliver(packet):
        packets.append(packet)
        delivered.set()
        assert go_on.wait(TIMEOUT_S)

    thread = threading.Thread(target=source.run, args=(deliver,))
    thread.start()
    assert delivered.wait(TIMEOUT_S)
    source.stop()
    source.stop()
    go_on.set()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    assert len(packets) == 1


def test_stop_before_the_start_ends_the_reading_of_headers(folder):
    source = FileSource(paths=[folder])
    source.stop()
    assert run(source) == []
    assert source.n_records == 0


def test_a_path_without_recordings_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no miniSEED"):
        run(FileSource(paths=[tmp_path]))
    with pytest.raises(SourceError, match="nowhere"):
        _ = FileSource(paths=[tmp_path / "nowhere"]).n_records


def test_acknowledging_a_packet_changes_nothing(folder):
    source = FileSource(paths=[folder])
    packet = next(source.packets())
    source.acknowledge(packet)
    assert source.n_read == 1


@pytest.mark.shared
def test_a_folder_of_all_kinds_of_recordings_is_read_to_its_end(shared):
    source = FileSource(paths=[shared / "miniseed_corpus"])
    n_records, n_found = source.n_records, sum(by_reason(source.counts()).values())
    packets = run(source)
    n_refused = sum(by_reason(source.counts()).values()) - n_found
    assert n_records == source.n_read == len(packets) + n_refused
    assert len(packets) > 4800
    ends = [packet.received_ns for packet in packets]
    assert ends == sorted(ends)
