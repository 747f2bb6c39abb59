"""Scans of recordings, as a library."""

import pytest

from quake_stream import offline
from quake_stream.errors import ConfigError, SourceError


def scan(*paths, **options):
    return offline.Scan(offline.settings(None, paths=paths, **{"model": "stalta"} | options))


def test_a_scan_yields_the_bodies_that_the_service_would_publish(demo_records):
    job = scan(demo_records)
    done = []
    bodies = list(job.run(done.append))
    assert {body["schema"] for body in bodies} == {"quake-stream/detection/1"}
    assert {body["processing"] for body in bodies} == {"replay"}
    assert done == list(range(1, job.n_records + 1))


def test_two_scans_give_the_same_bodies(demo_records):
    def found():
        bodies = list(scan(demo_records).run())
        return [{k: v for k, v in body.items() if not k.startswith("created")} for body in bodies]

    assert found() == found()


def test_the_summary_counts_what_was_read_and_what_was_not(demo_records):
    job = scan(demo_records)
    list(job.run())
    first, *rest = job.summary(13).splitlines()
    assert first.startswith("13 detections; 570 records, 1761 windows in ")
    assert "  windows.skipped.warming_up: 39" in rest


def test_a_configuration_keeps_all_but_its_sources_and_batches(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(
        '[[source]]\nurl = "seedlink://a"\nstreams = ["A.B"]\n[model]\nname = "lstm"\nthreads = 3\n'
        '[stations."A.B"]\non = 0.7\n[service]\nstate_dir = "/x"\n'
    )
    settings = offline.settings(path, paths=[tmp_path], model="stalta", streams=["C.D"])
    assert [source.url for source in settings.source] == [tmp_path.as_uri()]
    assert settings.source[0].streams == ("C.D",)
    assert (settings.model.name, settings.model.threads) == ("stalta", 3)
    assert settings.stations["A.B"].on == 0.7


def test_a_relative_path_is_found(demo_records, monkeypatch):
    monkeypatch.chdir(demo_records.parent)
    assert scan(demo_records.relative_to(demo_records.parent)).n_records == 570


def test_streams_that_are_none_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="names no stream"):
        offline.settings(None, paths=[tmp_path], exclude=["nonsense"])


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no miniSEED records in there"):
        _ = scan(tmp_path).n_records
