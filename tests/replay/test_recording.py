from pathlib import Path

import pytest

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.mseed.archive import index
from quake_stream.replay.recording import RecordList, Survey
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

START_NS = 1_500_000_000 * NS_PER_S


def test_records_in_memory_come_in_the_order_of_their_ends(make_record):
    late_start = make_record("XX.AAA.00.HHZ", START_NS + NS_PER_S, 50)
    early_start = make_record("XX.BBB.00.HHZ", START_NS, 300)
    assert [record for record, _ in RecordList([early_start, late_start]).iter_records()] == [
        late_start,
        early_start,
    ]


def test_a_survey_tells_what_a_recording_spans(make_record):
    records = [make_record("XX.BBB.00.HHZ", START_NS, 300), make_record("XX.AAA..HHZ", START_NS + 5, 100)]
    survey = Survey.of(RecordList(records))
    assert (survey.first_ns, survey.last_ns) == (START_NS, START_NS + 3 * NS_PER_S)
    assert survey.first_end_ns == START_NS + NS_PER_S  # version 2 holds microseconds: 5 ns are lost
    assert survey.streams == {
        SourceId.from_nslc("XX.BBB.00.HHZ"): START_NS,
        SourceId.from_nslc("XX.AAA..HHZ"): START_NS,
    }


def test_a_survey_of_an_index_is_the_same_without_reading_records(tmp_path: Path, make_record):
    records = [make_record("XX.AAA.00.HHZ", START_NS + n * NS_PER_S) for n in (2, 0, 1)]
    (tmp_path / "a.mseed").write_bytes(b"".join(records))
    found = index([tmp_path], counters=Counters())
    (tmp_path / "a.mseed").unlink()
    assert Survey.of(found) == Survey.of(RecordList(records))


def test_a_recording_without_records_cannot_be_replayed():
    with pytest.raises(SourceError, match="no miniSEED record"):
        Survey.of(RecordList([]))


def test_a_record_with_illegible_codes_is_left_out_of_the_survey(make_record):
    bad = bytearray(make_record())
    bad[8:13] = b"\xff\xfe\xfd  "
    with pytest.raises(SourceError):
        Survey.of(RecordList([bytes(bad)]))
