"""Every counter of the service is a metric."""

from prometheus_client.parser import text_string_to_metric_families

from quake_stream.counters import Key
from quake_stream.metrics.counts import counter_metrics, metric_name
from quake_stream.metrics.meanings import MEANINGS


def read(counts):
    """Values by name and labels, and meanings by name."""
    families = list(text_string_to_metric_families(counter_metrics(counts)))
    assert {family.type for family in families} == {"counter"}
    values = {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}
    return values, {f"{family.name}_total": family.documentation for family in families}


def test_each_count_has_its_reason_and_its_station_or_server():
    values, _ = read(
        {
            Key("packets.refused", "nan", "CX.PB01"): 3,
            Key("packets.refused", "future", "CX.PB01"): 4,
            Key("connections.lost", "timeout", "geofon.example:18000"): 5,
            Key("gaps"): 6,
        }
    )
    name = "quake_stream_packets_refused_total"
    assert values[name, ("reason", "nan"), ("station", "CX.PB01")] == 3
    assert values[name, ("reason", "future"), ("station", "CX.PB01")] == 4
    lost = "quake_stream_connections_lost_total"
    assert values[lost, ("reason", "timeout"), ("server", "geofon.example:18000")] == 5
    assert values["quake_stream_gaps_total",] == 6
    assert values[name,] == 0


def test_what_never_happened_is_zero_so_that_the_first_time_is_an_increase():
    values, meanings = read({})
    assert {name for (name,) in values} == {metric_name(name) for name in MEANINGS} == set(meanings)
    assert set(values.values()) == {0}


def test_a_counter_that_nobody_has_described_is_there_as_well():
    values, meanings = read({Key("quakes.ignored", "tired"): 1})
    assert values["quake_stream_quakes_ignored_total", ("reason", "tired")] == 1
    assert meanings["quake_stream_quakes_ignored_total"] == "Count of quakes.ignored."
