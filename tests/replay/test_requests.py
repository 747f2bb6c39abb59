import pytest

from quake_stream.replay.requests import Selector, StationRequest, parse_sequence, parse_time
from quake_stream.replay.ring import Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

HHZ = SourceId.from_nslc("XX.AAA.00.HHZ")
BLANK = SourceId.from_nslc("XX.AAA..HHZ")


@pytest.mark.parametrize(
    ("text", "matches", "matches_blank"),
    [
        ("HHZ", True, True),
        ("HH?", True, True),
        ("H*Z", True, True),
        ("???", True, True),
        ("?????", True, True),
        ("*", True, True),
        ("BHZ", False, False),
        ("00HHZ", True, False),
        ("??HHZ", True, True),
        ("0?HHZ", True, False),
        ("--HHZ", False, True),
        ("00", True, False),
        ("HHZ.D", True, True),
        ("HHZ.T", False, False),
        (".D", True, True),
        ("!HHZ", True, True),
    ],
)
def test_a_selector_speaks_of_the_streams_that_it_names(text, matches, matches_blank):
    selector = Selector.parse(text)
    assert (selector.matches(HHZ), selector.matches(BLANK)) == (matches, matches_blank)
    assert selector.is_exclusion == text.startswith("!")


@pytest.mark.parametrize("text", ["", "!", "H", "HHZHHZHHZ", "HH Z", "HHZ.", "%%%", "HHZ.d"])
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(ValueError, match="selector"):
        Selector.parse(text)


def test_exclusions_win_and_no_selector_means_all():
    request = StationRequest.parse(["AAA", "XX"])
    assert request.matches(HHZ)
    request.selectors.append(Selector.parse("!00HHZ"))
    assert not request.matches(HHZ)
    assert request.matches(BLANK)
    request.selectors.append(Selector.parse("HHN"))
    assert not request.matches(BLANK)


@pytest.mark.parametrize(
    ("arguments", "matches"),
    [
        (["AAA", "XX"], True),
        (["AA?", "X*"], True),
        (["*", "*"], True),
        (["AAA"], True),
        (["BBB", "XX"], False),
        (["AAA", "YY"], False),
    ],
)
def test_a_station_is_matched_by_codes_and_wildcards(arguments, matches):
    assert StationRequest.parse(arguments).matches_station(HHZ) is matches


@pytest.mark.parametrize("arguments", [[], ["A", "B", "C"], ["ABCDEFGHI", "XX"], ["A%", "XX"]])
def test_what_is_no_station_is_refused(arguments):
    with pytest.raises(ValueError, match="station"):
        StationRequest.parse(arguments)


@pytest.mark.parametrize(
    ("text", "sequence"),
    [("00001F", 31), ("1f", 31), ("0x31B", 0x31B), ("0X31b", 0x31B), ("1000000", 0), ("-1", None)],
)
def test_sequences_are_hexadecimal_with_or_without_0x_and_wrap(text, sequence):
    assert parse_sequence(text) == sequence


@pytest.mark.parametrize("text", ["", "xyz", "0x", "--1", "123456789"])
def test_what_is_no_sequence_is_refused(text):
    with pytest.raises(ValueError, match="sequence"):
        parse_sequence(text)


def test_times_are_six_numbers_with_commas():
    assert parse_time("2010,05,27,16,24,3") == 1_274_977_443 * NS_PER_S
    assert parse_time("2016,12,31,23,59,60") == 1_483_228_799 * NS_PER_S  # a leap second, as good as it goes


@pytest.mark.parametrize(
    "text", ["", "2010", "2010,13,1,0,0,0", "2010,1,1,0,0,0,0", "0,1,1,0,0,0", "a,b,c,d,e,f"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)


@pytest.fixture
def ring() -> Ring:
    """Sequences 1 to 5 of one station, a record a second, the first one gone."""
    ring = Ring(max_bytes=4 * 812, is_shared=False, first_sequence=1)
    for second in range(5):
        ring.append(bytes(512), HHZ, start_ns=second * NS_PER_S, end_ns=(second + 1) * NS_PER_S)
    assert ring.oldest_serial == 1
    return ring


def resumed(ring: Ring, sequence: int, time_ns: int | None = None) -> int | None:
    request = StationRequest.parse(["AAA", "XX"])
    request.resume(ring, sequence, time_ns)
    return request.start_serial


def test_resuming_at_the_next_sequence_neither_loses_nor_repeats(ring):
    assert resumed(ring, 4) == 3
    assert resumed(ring, 6) == ring.next_serial
    assert resumed(ring, 4, 2 * NS_PER_S) == 3


def test_resuming_at_the_oldest_record_works_without_the_one_before_it(ring):
    assert resumed(ring, 2) == 1


def test_a_sequence_that_the_ring_does_not_know_means_all_that_is_held(ring):
    assert resumed(ring, 0x500) == 1


def test_a_time_that_contradicts_the_sequence_decides(ring):
    # After a reset, sequence 4 means other data than the client's.
    assert resumed(ring, 4, 3 * NS_PER_S + 5) == 3
    assert resumed(ring, 0x500, 3 * NS_PER_S) == 3


def test_a_window_ends_at_the_first_later_record(ring):
    request = StationRequest.parse(["AAA", "XX"])
    request.window(ring, 2 * NS_PER_S + 1, 4 * NS_PER_S)
    assert [request.wants(ring[serial]) for serial in range(1, 5)] == [False, True, True, False]
    assert request.is_done
