from xml.etree.ElementTree import fromstring

import obspy
import pytest
from obspy.clients.seedlink.slpacket import SLPacket

from quake_stream.mseed.header import peek
from quake_stream.replay.info import Peer, ServerFacts, info_packets, info_xml
from quake_stream.replay.ring import Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

HHZ = SourceId.from_nslc("XX.AAA.00.HHZ")
LHZ = SourceId.from_nslc("XX.AAA..LHZ")
OTHER = SourceId.from_nslc("YY.BBB..HHZ")
FACTS = ServerFacts(
    software="test/1",
    organization="Säntis & <co>",
    started_ns=0,
    has_wildcards=True,
    streams={HHZ: 0, LHZ: 5 * NS_PER_S, OTHER: 7 * NS_PER_S},
    stations=frozenset({("XX", "AAA"), ("YY", "BBB")}),
)


@pytest.fixture
def ring() -> Ring:
    ring = Ring(max_bytes=1 << 20, is_shared=False, first_sequence=0xFE)
    for second in range(3):
        ring.append(bytes(512), HHZ, start_ns=(10 + second) * NS_PER_S, end_ns=(11 + second) * NS_PER_S)
    return ring


def test_every_level_names_software_and_organization(ring):
    for level in ("ID", "capabilities", "STATIONS", "STREAMS", "CONNECTIONS"):
        root = fromstring(info_xml(level, FACTS, ring, []))
        assert root.get("software") == "SeedLink v3.1 (test/1)"
        assert root.get("organization") == FACTS.organization
        assert root.get("started") == "1970/01/01 00:00:00.0000"


def test_capabilities_hold_the_word_that_obspy_insists_on(ring):
    root = fromstring(info_xml("CAPABILITIES", FACTS, ring, []))
    assert {"multistation", "info:streams", "dialup"} <= {child.get("name") for child in root}


def test_stations_show_which_sequences_the_ring_holds(ring):
    first, second = fromstring(info_xml("STATIONS", FACTS, ring, []))
    assert (first.get("network"), first.get("name")) == ("XX", "AAA")
    assert (first.get("begin_seq"), first.get("end_seq")) == ("0000FE", "000100")
    assert (second.get("name"), len(first), len(second)) == ("BBB", 0, 0)


def test_streams_show_what_the_ring_holds_and_what_is_still_to_come(ring):
    first, second = fromstring(info_xml("STREAMS", FACTS, ring, []))
    streams = {(stream.get("location"), stream.get("seedname")): stream for stream in first}
    assert streams["00", "HHZ"].get("begin_time") == "1970/01/01 00:00:10.0000"
    assert streams["00", "HHZ"].get("end_time") == "1970/01/01 00:00:13.0000"
    assert streams["", "LHZ"].get("begin_time") == "1970/01/01 00:00:05.0000"
    assert len(second) == 1


def test_connections_are_listed(ring):
    peers = [Peer(host="192.0.2.1", port=4711, connected_ns=0, n_records=12)]
    (connection,) = fromstring(info_xml("CONNECTIONS", FACTS, ring, peers))
    assert (connection.get("host"), connection.get("port"), connection.get("txcount")) == (
        "192.0.2.1",
        "4711",
        "12",
    )


def test_levels_that_are_not_offered_have_no_answer(ring):
    assert info_xml("GAPS", FACTS, ring, []) is None
    assert info_xml("", FACTS, ring, []) is None


@pytest.mark.parametrize("n_characters", [0, 1, 455, 456, 457, 912, 5000])
def test_obspy_puts_the_text_together_again(n_characters):
    text = ("<abcdefgh/>" * 500)[:n_characters]
    data = info_packets(text)
    packets = [SLPacket(data, offset) for offset in range(0, len(data), 520)]
    assert [packet.get_type() for packet in packets[:-1]] == [SLPacket.TYPE_SLINF] * (len(packets) - 1)
    assert packets[-1].get_type() == SLPacket.TYPE_SLINFT
    if text:
        assert b"".join(packet.get_string_payload() for packet in packets).decode() == text


def test_the_records_are_text_of_station_info():
    record = info_packets("hello")[8:]
    header = peek(record)
    assert (header.length, header.n_samples, header.encoding, header.sample_rate_hz) == (512, 5, 0, 0)
    assert record[8:13] == b"INFO "
    assert record[15:18] == b"INF"
    assert info_packets("no", is_error=True)[8:][15:18] == b"ERR"


def test_text_that_is_not_ascii_does_no_harm():
    assert b"S?ntis" in info_packets("Säntis")
    assert obspy.__version__  # the client that the format is made for
