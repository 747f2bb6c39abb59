import random
import re

import numpy as np
import pytest

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.mseed import archive
from quake_stream.mseed.header import peek
from quake_stream.mseed.record import Refusal
from quake_stream.selection import parse_streams
from quake_stream.types import NS_PER_S

START_NS = 1_700_000_000 * NS_PER_S


@pytest.fixture(scope="module")
def records(pack):
    """Three streams of Steim 2 records that overlap in time; two of them end at the same moments."""
    samples = np.cumsum(np.random.default_rng(2).integers(-50, 50, 3000)).astype(np.int32)
    found = []
    for nslc, shift_s in (("IU_ANMO_00_B_H_Z", 0.0), ("IU_ANMO_00_B_H_N", 0.0), ("CX_PB01__H_H_Z", 0.37)):
        start_ns = START_NS + round(shift_s * NS_PER_S)
        found += pack(samples, encoding=11, sid=f"FDSN:{nslc}", start_ns=start_ns)
    return found


def key(record):
    header = peek(record)
    return header.end_ns, str(header.source_id), header.start_ns


def read(*paths, **kwargs):
    index = archive.index(paths, counters=Counters(), **kwargs)
    return [record for record, _ in index.iter_records()]


def test_records_come_in_the_order_of_their_ends_however_they_lie_in_files(tmp_path, records):
    expected = sorted(records, key=key)
    for seed in range(3):
        shuffled = list(records)
        random.Random(seed).shuffle(shuffled)
        folder = tmp_path / str(seed)
        folder.mkdir()
        for number in range(4):
            (folder / f"{number}.mseed").write_bytes(b"".join(shuffled[number::4]))
        assert read(folder) == expected


def test_the_same_file_named_twice_is_read_once(tmp_path, records):
    file = tmp_path / "a.mseed"
    file.write_bytes(b"".join(records))
    (tmp_path / "link.mseed").symlink_to(file)
    assert len(read(file, tmp_path, file)) == len(records)


def test_records_that_are_equal_keep_the_order_of_their_files(tmp_path, records):
    twin = bytearray(records[0])
    twin[6:7] = b"Q"
    (tmp_path / "1").write_bytes(records[0])
    (tmp_path / "2").write_bytes(bytes(twin))
    assert read(tmp_path / "2", tmp_path / "1") == [bytes(twin), records[0]]


def test_the_index_describes_each_record(tmp_path, records):
    (tmp_path / "a").write_bytes(b"".join(records))
    index = archive.index([tmp_path], counters=Counters())
    assert len(index) == len(records)
    for row, (record, header) in enumerate(index.iter_records()):
        assert index.end_ns[row] == header.end_ns
        assert index.start_ns[row] == header.start_ns
        assert index.length[row] == len(record) == 512
        assert index.streams[index.stream[row]] == header.source_id
        assert index.files[index.file[row]] == tmp_path / "a"


def test_streams_are_chosen_by_patterns(tmp_path, records):
    (tmp_path / "a").write_bytes(b"".join(records))
    found = read(tmp_path, include=parse_streams("IU.*.*.BH?"), exclude=parse_streams("IU.ANMO.00.BHN"))
    assert {peek(record).source_id.nslc for record in found} == {"IU.ANMO.00.BHZ"}


def test_only_records_that_overlap_the_interval_are_read(tmp_path, records):
    (tmp_path / "a").write_bytes(b"".join(records))
    start_ns, end_ns = START_NS + 5 * NS_PER_S, START_NS + 12 * NS_PER_S
    found = read(tmp_path, start_ns=start_ns, end_ns=end_ns)
    headers = [peek(record) for record in records]
    expected = [h for h in headers if h.end_ns > start_ns and h.start_ns < end_ns]
    assert 0 < len(found) == len(expected) < len(records)


def test_an_sds_archive_is_read_without_opening_files_of_other_streams(tmp_path, records):
    day = tmp_path / "2023" / "IU" / "ANMO"
    for channel in ("BHZ", "BHN"):
        (day / f"{channel}.D").mkdir(parents=True)
    (day / "BHZ.D" / "IU.ANMO.00.BHZ.D.2023.318").write_bytes(records[0])
    # Not miniSEED: it would be counted if it were opened.
    (day / "BHN.D" / "IU.ANMO.00.BHN.D.2023.318").write_bytes(b"text")
    counters = Counters()
    index = archive.index([tmp_path], counters=counters, include=parse_streams("IU.ANMO.00.BHZ"))
    assert len(index) == 1
    assert counters.snapshot() == {}


def test_damage_in_a_file_and_other_files_of_a_folder_are_counted(tmp_path, records):
    illegible = records[1][:8] + b"\xff" + records[1][9:]
    (tmp_path / "a.mseed").write_bytes(records[0] + b"junk" + illegible + records[2])
    (tmp_path / "README").write_text("no recordings here\n" * 10)
    (tmp_path / "empty").touch()
    counters = Counters()
    assert len(archive.index([tmp_path], counters=counters)) == 2
    assert counters.total("records.refused", reason=Refusal.NOT_MINISEED) == 1
    assert counters.total("records.refused", reason=Refusal.BAD_CODES) == 1
    assert counters.total("bytes.skipped") == 4
    assert counters.total("files.skipped", reason="not_miniseed") == 2


def test_more_files_than_may_be_open_are_read(tmp_path, records, monkeypatch):
    monkeypatch.setattr(archive, "_MAX_OPEN_FILES", 2)
    for number, record in enumerate(records):
        (tmp_path / f"{number:03}").write_bytes(record)
    assert read(tmp_path) == sorted(records, key=key)


@pytest.mark.parametrize("content", [b"", b"only text in here"])
def test_a_file_or_folder_without_miniseed_is_named(tmp_path, content):
    (tmp_path / "notes").write_bytes(content)
    for path in (tmp_path, tmp_path / "notes"):
        with pytest.raises(SourceError, match=f"^{re.escape(str(path))}: no miniSEED"):
            read(path)


def test_a_missing_path_is_named(tmp_path, records):
    (tmp_path / "a").write_bytes(records[0])
    with pytest.raises(SourceError, match="nowhere: no such file"):
        read(tmp_path, tmp_path / "nowhere")


def test_an_archive_in_which_nothing_is_wanted_is_said_to_be_so(tmp_path, records):
    (tmp_path / "a").write_bytes(records[0])
    (tmp_path / "IU.ANMO.00.BHZ.D.2023.318").write_bytes(records[0])
    with pytest.raises(SourceError, match="no record of the wanted streams and times"):
        read(tmp_path, include=parse_streams("XX.NONE"))


@pytest.mark.parametrize("change", ["shorter", "other", "gone"])
def test_a_file_that_changes_after_it_was_indexed_is_named(tmp_path, records, change):
    file = tmp_path / "a"
    file.write_bytes(records[0] * 2)
    index = archive.index([file], counters=Counters())
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(b"" if change == "shorter" else b"x" * 1024)
    with pytest.raises(SourceError, match=re.escape(str(file))):
        list(index.iter_records())
