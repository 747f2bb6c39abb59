"""The parts as the configuration wants them."""

from dataclasses import fields, replace
from pathlib import Path

import bodies
import pytest

from quake_stream import build
from quake_stream.clock import DataClock, WallClock
from quake_stream.config import parse
from quake_stream.config_sections import PublishSection
from quake_stream.detection.trigger import TriggerSettings
from quake_stream.errors import ConfigError, SourceError
from quake_stream.ingest.files import FileSource
from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.credentials import Credentials
from quake_stream.ingest.seedlink.source import SeedLinkSource
from quake_stream.models.stalta import StaLtaModel
from quake_stream.packet_queue import PacketQueue
from quake_stream.publish.clients import write_clients
from quake_stream.publish.keys import new_pair, write_key
from quake_stream.source_id import SourceId

SPEC = StaLtaModel().spec  # on 0.5, off 0.2, min_windows 2
INSTRUMENT = SourceId.from_nslc("CX.PB01..HHZ").instrument
OTHER = SourceId.from_nslc("CX.PB02..HHZ").instrument


def config(*urls, **sections):
    return parse(
        {"source": [{"url": url} for url in urls or ("seedlink://a",)], "model": {"name": "stalta"}}
        | sections,
        name="test",
    )


def test_thresholds_come_from_the_model_unless_they_are_set():
    settings = build.trigger_settings(config(), SPEC)(INSTRUMENT)
    assert (settings.on, settings.off, settings.min_windows, settings.hold_s) == (0.5, 0.2, 2, 3.0)


def test_a_station_overrides_the_trigger_section_and_that_the_model():
    given = config(
        trigger={"on": 0.9, "hold_s": 5.0}, stations={"CX.PB01": {"on": 0.95}, "CX.*": {"off": 0.3}}
    )
    settings = build.trigger_settings(given, SPEC)
    assert (settings(INSTRUMENT).on, settings(INSTRUMENT).off, settings(INSTRUMENT).hold_s) == (
        0.95,
        0.2,
        5.0,
    )
    assert (settings(OTHER).on, settings(OTHER).off) == (0.9, 0.3)


def test_thresholds_that_contradict_each_other_across_levels_are_all_named():
    given = config(trigger={"on": 0.1}, stations={"A.B": {"off": 0.15}, "C.D": {"on": 0.6}})
    with pytest.raises(ConfigError) as refused:
        build.trigger_settings(given, SPEC)
    assert str(refused.value).splitlines() == [
        "trigger: off (0.2) would be above on (0.1)",
        'stations."A.B": off (0.15) would be above on (0.1)',
    ]


def test_the_classes_that_trigger_can_be_chosen_for_all_and_for_a_station():
    spec = replace(SPEC, classes=("noise", "earthquake", "blast"))
    assert build.trigger_settings(config(), spec)(INSTRUMENT).classes == ()
    given = config(trigger={"classes": ["blast"]}, stations={"CX.PB01": {"classes": ["earthquake", "blast"]}})
    settings = build.trigger_settings(given, spec)
    assert settings(INSTRUMENT).classes == ("earthquake", "blast")
    assert settings(OTHER).classes == ("blast",)


def test_classes_that_the_model_lacks_or_that_leave_none_to_be_noise_are_refused():
    given = config(
        trigger={"classes": ["earthquake", "blast"]},
        stations={
            "A.B": {"classes": ["noise", "earthquake"]},
            "C.D": {"classes": ["earthquake", "earthquake"]},
        },
    )
    with pytest.raises(ConfigError) as refused:
        build.trigger_settings(given, SPEC)
    assert str(refused.value).splitlines() == [
        "trigger.classes: ['earthquake', 'blast'] must be some of ['noise', 'earthquake'], each once, not all",
        "stations.\"A.B\".classes: ['noise', 'earthquake'] must be some of ['noise', 'earthquake'], each once, not all",
        "stations.\"C.D\".classes: ['earthquake', 'earthquake'] must be some of ['noise', 'earthquake'], each once, not all",
    ]


def test_every_trigger_key_can_be_overridden_for_a_station():
    keys = {
        "on": 0.7,
        "off": 0.3,
        "min_windows": 4,
        "hold_s": 9.0,
        "max_duration_s": 60.0,
        "max_s_minus_p_s": 15.0,
        "refractory_s": 7.0,
        "confirm_windows": 5,
        "update_interval_s": 1.0,
        "classes": ["earthquake"],
    }
    assert set(keys) == {field.name for field in fields(TriggerSettings)}
    settings = build.trigger_settings(config(stations={"CX.PB01": keys}), SPEC)
    assert settings(INSTRUMENT) == TriggerSettings(**(keys | {"classes": ("earthquake",)}))
    assert settings(OTHER) == build.trigger_settings(config(), SPEC)(OTHER)


def test_servers_become_seedlink_sources_with_their_names():
    sources = build.sources(config("seedlink://a", "seedlink://b:18001"), ResumeStore(None))
    assert [type(source) for source in sources] == [SeedLinkSource] * 2
    assert [source.name for source in sources] == ["a:18000", "b:18001"]


def test_an_encrypted_server_gets_its_authority_its_version_and_our_name():
    secret = {"url": "seedlinks://a", "user": "anna", "password_file": "/p", "ca_file": "/c", "protocol": "4"}
    section = parse({"source": [secret]}, name="x").source[0]
    settings = build.link_settings(section)
    assert settings.credentials == Credentials(user="anna", secret_file=Path("/p"))
    assert (settings.ca_file, settings.protocol) == (Path("/c"), "4")
    (source,) = build.sources(parse({"source": [secret]}, name="x"), ResumeStore(None))
    assert source.name == "a:18500"
    token = parse({"source": [{"url": "seedlinks://a", "token_file": "/t"}]}, name="x").source[0]
    assert build.link_settings(token).credentials == Credentials(secret_file=Path("/t"))


def test_recordings_become_one_source_in_the_order_of_their_data(demo_records):
    names = ["BW.UH1..SHZ.mseed", "BW.UH2..SHZ.mseed"]
    (source,) = build.sources(config(*((demo_records / name).as_uri() for name in names)), ResumeStore(None))
    assert isinstance(source, FileSource)
    ends = [packet.received_ns for packet in source.packets()]
    assert ends == sorted(ends)


def test_a_path_with_blanks_and_umlauts_is_found(tmp_path, demo_records):
    folder = tmp_path / "Höhe 1%20"
    folder.symlink_to(demo_records)
    assert build.archive(config(folder.as_uri())).n_records == 570


@pytest.mark.parametrize(
    ("url", "clock", "is_replay"), [("seedlink://a", WallClock, False), ("file:///a", DataClock, True)]
)
def test_live_data_run_in_the_hosts_time_and_recordings_in_their_own(url, clock, is_replay):
    worker = build.worker(
        config(url),
        model=StaLtaModel(),
        queue=PacketQueue(max_packets=1),
        received=lambda _: None,
        journal_folder=Path("a.journal"),
    )
    assert isinstance(worker.pipeline._clock, clock)
    assert worker._settings.is_replay is is_replay


@pytest.mark.parametrize("journal", [True, False])
def test_the_feed_replays_beside_where_it_publishes(tmp_path, journal):
    section = PublishSection(bind=f"ipc://{tmp_path}/feed", journal=journal)
    with build.feed(section, tmp_path / "journal") as feed:
        assert feed.replay_endpoint == f"ipc://{tmp_path}/feed.replay"
        feed.send("status", bodies.status())
    assert (tmp_path / "journal").exists() is journal


def test_the_model_is_found_by_name():
    assert build.model(config()).spec == SPEC


def test_a_missing_archive_is_found_out_when_it_is_read():
    with pytest.raises(SourceError, match="no such file or folder"):
        _ = build.archive(config("file:///nowhere")).n_records


def test_the_feed_takes_its_keys_and_the_list_of_subscribers_from_files(tmp_path):
    pair = new_pair()
    write_key(tmp_path / "key", pair, owner="station")
    write_clients(tmp_path / "clients", {"reader": new_pair().public})
    publish = {"bind": "tcp://0.0.0.0:*", "key": str(tmp_path / "key"), "clients": str(tmp_path / "clients")}
    section = config(publish=publish).publish
    assert build.server_key(section) == pair
    assert list(build.clients(section)) == ["reader"]
    with build.feed(section, tmp_path / "journal") as feed:  # on an address that needs encryption
        assert feed.problem == ""
    assert (build.server_key(config().publish), build.clients(config().publish)) == (None, {})


@pytest.mark.parametrize("damaged", ["key", "clients"])
def test_a_feed_whose_keys_cannot_be_read_is_not_opened(damaged, tmp_path):
    write_key(tmp_path / "key", new_pair(), owner="station")
    write_clients(tmp_path / "clients", {})
    (tmp_path / damaged).write_text("nonsense")
    publish = {name: str(tmp_path / name) for name in ("key", "clients")}
    with pytest.raises(ConfigError, match=str(tmp_path / damaged)):
        build.feed(config(publish=publish).publish, tmp_path / "journal")
