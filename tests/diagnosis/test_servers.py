"""What a probe means in words, for servers of all kinds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from quake_stream.config_sections import SourceSection
from quake_stream.counters import Key
from quake_stream.diagnosis import servers
from quake_stream.diagnosis.report import Level
from quake_stream.ingest.offers import Offer
from quake_stream.ingest.probe import Greeting, Heard
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.selection import wanted
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

NOW_NS = 1_700_000_000 * NS_PER_S
Z1, Z2 = SourceId.from_nslc("CX.PB01..HHZ"), SourceId.from_nslc("CX.PB02..HHZ")


def greeting(*offered: SourceId, **changes: object) -> Greeting:
    values = {
        "version": "3",
        "hello": "SeedLink v3.3",
        "organization": "IPOC",
        "has_wildcards": True,
        "stations": frozenset((s.network, s.station) for s in offered),
        "offers": tuple(Offer(source_id=s, first_ns=None, last_ns=NOW_NS - 5 * NS_PER_S) for s in offered),
        "asked_ns": NOW_NS,
    }
    return Greeting(**(values | changes))


@dataclass
class Probed:
    """A probe that has ended."""

    section: SourceSection
    greeting: Greeting | None = None
    failure: LinkLostError | None = None
    n_records: Mapping[SourceId, int] = field(default_factory=dict)
    counters: Mapping[Key, int] = field(default_factory=dict)
    name: str = "a:18000"

    def wants(self, source_id: SourceId) -> bool:
        return wanted(source_id, self.section.include_patterns, self.section.exclude_patterns)

    def heard(self) -> dict[SourceId, Heard]:
        times = {"start_ns": NOW_NS - 7 * NS_PER_S, "end_ns": NOW_NS - 3 * NS_PER_S, "received_ns": NOW_NS}
        return {
            source_id: Heard(source_id=source_id, sample_rate_hz=100.0, n_records=n, record_s=4.0, **times)
            for source_id, n in self.n_records.items()
        }

    def counts(self) -> Mapping[Key, int]:
        return self.counters


def section(*streams: str, exclude: tuple[str, ...] = ()) -> SourceSection:
    return SourceSection(url="seedlink://a", streams=streams, exclude=exclude)


def told(probe: Probed) -> dict[str, Level]:
    found = servers.findings(probe, probe.section, listened_s=10.0)
    assert {finding.about for finding in found} == {"a:18000"}
    return {finding.text: finding.level for finding in found}


def test_a_server_on_which_all_is_well_is_described():
    probe = Probed(section("CX.*..HH?"), greeting(Z1, Z2), n_records={Z1: 3})
    assert told(probe) == {
        "reached: SeedLink v3.3, IPOC; it lists 2 streams of 2 stations": Level.OK,
        "it accepts wildcards in network and station": Level.OK,
        "data of 1 of 2 wanted streams arrived within 10.0 s": Level.OK,
    }


def test_an_encrypted_server_and_a_newer_language_are_named():
    secret = SourceSection(url="seedlinks://a:18000", streams=("CX.*",), token_file="/x")
    probe = Probed(secret, greeting(Z1, version="4"), n_records={Z1: 1})
    text = "SeedLink 4, encrypted; its certificate proves its name, and it admits us"
    assert told(probe)[text] is Level.OK
    assert told(Probed(section("CX.*"), greeting(Z1, version="4")))["SeedLink 4"] is Level.OK


def test_a_pattern_without_streams_is_a_problem_with_a_hint():
    probe = Probed(section("CX.PB1..HH?", "CX.PB02..HH?"), greeting(Z1, Z2), n_records={Z2: 1})
    assert told(probe)["no stream matches CX.PB1..HH?; did you mean CX.PB01 or CX.PB02?"] is Level.PROBLEM


def test_many_patterns_without_streams_are_listed_in_part():
    probe = Probed(section(*(f"GE.N{n:02}..HH?" for n in range(30))), greeting(Z1))
    texts = told(probe)
    assert sum(text.startswith("no stream matches") for text in texts) == 20
    assert texts["… and 10 more patterns match no stream"] is Level.PROBLEM
    assert not any("arrived" in text for text in texts)


def test_an_exclusion_that_excludes_nothing_is_a_warning():
    probe = Probed(section("CX.*..HH?", exclude=("CX.PB9",)), greeting(Z1), n_records={Z1: 1})
    assert told(probe)["exclude CX.PB9.*.* matches no stream"] is Level.WARNING


def test_wildcards_that_a_server_does_not_take_are_replaced_by_its_list():
    probe = Probed(section("CX.*..HH?"), greeting(Z1, has_wildcards=False), n_records={Z1: 1})
    text = "it takes no wildcards in network and station; its list of stations serves instead"
    assert told(probe)[text] is Level.OK


def test_wildcards_are_a_problem_where_the_server_neither_takes_them_nor_lists_stations():
    silent = greeting(has_wildcards=False, stations=None, offers=None)
    text = "it takes no wildcards and lists no stations: name each station in streams"
    assert told(Probed(section("CX.*..HH?"), silent))[text] is Level.PROBLEM
    assert text not in told(Probed(section("CX.*..HH?"), silent, n_records={Z1: 1}))


def test_wildcards_are_no_subject_where_none_is_used():
    probe = Probed(section("CX.PB01..HH?"), greeting(Z1, has_wildcards=False), n_records={Z1: 1})
    assert not any("wildcard" in text for text in told(probe))


def test_a_server_that_lists_nothing_is_no_problem():
    probe = Probed(section("CX.PB01..HH?"), greeting(stations=None, offers=None), n_records={Z1: 1})
    assert told(probe) == {
        "reached: SeedLink v3.3, IPOC; it does not list what it has": Level.OK,
        "data of 1 wanted streams arrived within 10.0 s": Level.OK,
    }


def test_a_list_of_stations_alone_shows_which_are_missing():
    probe = Probed(section("CX.PB1..HH?"), greeting(offers=None, stations=frozenset({("CX", "PB01")})))
    texts = told(probe)
    assert "reached: SeedLink v3.3, IPOC; it lists 1 stations, but not their streams" in texts
    assert texts["no stream matches CX.PB1..HH?; did you mean CX.PB01?"] is Level.PROBLEM


def test_silence_is_a_warning():
    texts = told(Probed(section("CX.PB01..HH?"), greeting(Z1)))
    assert texts["no data arrived within 10.0 s; long records may need more (--seconds)"] is Level.WARNING


def test_what_was_refused_or_lost_while_listening_is_told_once():
    counters = {
        Key("stations.refused", "station", "CX.PB01"): 1,
        Key("stations.refused", "station", "CX.PB9"): 1,  # no such station: told already
        Key("selectors.refused", "", "CX.PB02"): 2,
        Key("connections.lost", "renegotiate", "a:18000"): 2,
        Key("connections.lost", "eof", "a:18000"): 3,
        Key("records.refused", "no_samples", "CX.PB02"): 9,
        Key("records.refused", "bad_time", "CX.PB02"): 4,
    }
    probe = Probed(
        section("CX.PB01", "CX.PB02", "CX.PB9"), greeting(Z1, Z2), n_records={Z2: 1}, counters=counters
    )
    levels = told(probe)
    assert levels["it refuses these stations: CX.PB01"] is Level.PROBLEM
    assert [text for text, level in levels.items() if level is Level.WARNING] == [
        "it refuses some of the locations and channels of CX.PB02",
        "the connection was lost 3 × while listening (eof)",
        "4 records of CX.PB02 cannot be used (bad_time)",
    ]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Lost.DNS, "cannot be looked up"),
        (Lost.REFUSED, "nothing listens at this port"),
        (Lost.CONNECT_TIMEOUT, "firewall"),
        (Lost.TLS, "does not speak TLS"),
        (Lost.CERTIFICATE, "check the name, the dates and ca_file"),
        (Lost.AUTH, "check user, password_file or token_file"),
        (Lost.PROTOCOL, "does not speak the version of SeedLink"),
        (Lost.HANDSHAKE, "no SeedLink server"),
        (Lost.EOF, "hangs up before it greets"),
        (Lost.HALF_OPEN, "half_open"),
    ],
)
def test_why_a_server_was_not_reached_is_said_in_words(reason, words):
    failure = LinkLostError(reason, "detail\x1b[2J")
    ((text, level),) = told(Probed(section("CX.PB01"), failure=failure)).items()
    assert level is Level.PROBLEM
    assert words in text
    assert text.endswith("(detail [2J)")


def test_facts_prefer_what_arrived_to_what_the_server_says():
    probe = Probed(section("CX.*..HH?", exclude=("CX.PB03",)), greeting(Z1, Z2), n_records={Z1: 1})
    first, second = servers.facts(probe)
    assert (first.source_id, first.rate_hz, first.latency_s, first.record_s, first.ahead_s) == (
        *(Z1, 100.0, 3.0, 4.0),
        -7.0,
    )
    assert (second.source_id, second.rate_hz, second.latency_s) == (Z2, None, 5.0)


def test_streams_that_are_not_wanted_are_no_facts():
    probe = Probed(section("CX.*..HH?", exclude=("CX.PB02",)), greeting(Z1, Z2))
    assert [fact.source_id for fact in servers.facts(probe)] == [Z1]


def test_of_a_server_that_was_not_reached_there_are_no_facts():
    assert servers.facts(Probed(section("CX.PB01"))) == []
