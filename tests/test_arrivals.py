"""When data of each instrument came last, and how late."""

from dataclasses import replace

import numpy as np

from quake_stream.arrivals import Arrival, Arrivals
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet

DAY_S = 86_400.0


def packet(nslc="IU.ANMO.00.BHZ", *, late_s=2.5):
    """One second of data that arrived ``late_s`` after its end."""
    return Packet(
        source_id=SourceId.from_nslc(nslc),
        start_ns=0,
        sample_rate_hz=1.0,
        samples=np.zeros(1, np.int32),
        received_ns=round((1 + late_s) * NS_PER_S),
    )


def test_the_latest_packet_of_each_instrument_is_remembered():
    arrivals = Arrivals()
    arrivals.note(packet(), 10.0)
    arrivals.note(packet("IU.ANMO.00.BHE", late_s=4.0), 11.0)
    arrivals.note(packet("IU.ANMO.10.BHZ"), 12.0)
    found = {str(instrument): arrival for instrument, arrival in arrivals.latest().items()}
    assert found == {"IU.ANMO.00.BH": Arrival(11.0, 4.0), "IU.ANMO.10.BH": Arrival(12.0, 2.5)}


def test_a_station_clock_that_is_ahead_makes_no_negative_delay():
    arrivals = Arrivals()
    arrivals.note(replace(packet(), received_ns=0), 10.0)
    assert [arrival.delay_s for arrival in arrivals.latest().values()] == [0.0]


def test_what_was_looked_at_does_not_change_afterwards():
    arrivals = Arrivals()
    before = arrivals.latest()
    arrivals.note(packet(), 10.0)
    assert before == {}


def test_made_up_stations_take_no_endless_memory_and_push_nobody_out():
    arrivals = Arrivals(max_instruments=3)
    for n in range(1000):
        arrivals.note(packet(f"XX.S{n}..BHZ"), float(n))
    assert [str(instrument) for instrument in arrivals.latest()] == [f"XX.S{n}.--.BH" for n in range(3)]
    arrivals.note(packet("XX.S1..BHZ"), 5000.0)
    assert max(arrivals.latest().values()).arrived_s == 5000.0


def test_those_silent_for_a_week_make_room():
    arrivals = Arrivals(max_instruments=2)
    arrivals.note(packet("XX.A..BHZ"), 0.0)
    arrivals.note(packet("XX.B..BHZ"), 6 * DAY_S)
    arrivals.note(packet("XX.C..BHZ"), 6 * DAY_S)
    arrivals.note(packet("XX.C..BHZ"), 7.1 * DAY_S)
    assert {instrument.station for instrument in arrivals.latest()} == {"B", "C"}
