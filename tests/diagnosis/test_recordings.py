"""What is in recordings."""

from quake_stream.config_sections import SourceSection
from quake_stream.diagnosis import recordings
from quake_stream.diagnosis.report import Level


def section(path, *streams: str) -> SourceSection:
    return SourceSection(url=path.as_uri(), streams=streams or ("*.*.*.*",))


def test_recordings_are_summed_up(demo_folder):
    facts, (summary,) = recordings.survey([section(demo_folder)])
    assert summary.level is Level.OK
    assert "records of 6 streams in 6 files, 2010-05-27T16:24:03 to 2010-05-27T16:27:5" in summary.text
    rates = {fact.source_id.nslc: fact.rate_hz for fact in facts}
    assert (len(rates), rates["BW.UH1..SHZ"], rates["BW.UH4..EHZ"]) == (6, 50.0, 100.0)
    assert all(fact.latency_s is None for fact in facts)


def test_a_pattern_without_recordings_is_a_problem(demo_folder):
    _, (_, finding) = recordings.survey([section(demo_folder, "BW.UH1", "BW.UH1..HH?")])
    assert finding.level is Level.PROBLEM
    assert finding.text == "no stream matches BW.UH1..HH?; there is BW.UH1.--.SH?"


def test_a_folder_without_recordings_is_a_problem(tmp_path):
    facts, (finding,) = recordings.survey([section(tmp_path / "nowhere")])
    assert facts == []
    assert (finding.level, finding.about) == (Level.PROBLEM, "recordings")


def test_damage_is_a_warning(demo_folder, tmp_path):
    whole = next(demo_folder.glob("*UH1*")).read_bytes()
    (tmp_path / "torn.mseed").write_bytes(whole[:512] + b"?" * 512 + whole[512:1024])
    facts, (summary, *damage) = recordings.survey([section(tmp_path)])
    assert len(facts) == 1
    assert summary.text.startswith("2 records of 1 streams")
    assert "bytes skipped: 512" in [finding.text for finding in damage]
    assert {finding.level for finding in damage} == {Level.WARNING}
