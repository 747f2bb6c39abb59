"""Differences of configurations, by dotted key."""

from quake_stream.config import parse
from quake_stream.config_diff import changed_keys

SOURCE = {"source": [{"url": "seedlink://a"}]}


def changed(before, after):
    return changed_keys(parse(SOURCE | before, name="a"), parse(SOURCE | after, name="b"))


def test_equal_configurations_do_not_differ():
    assert changed({"trigger": {"on": 0.5}}, {"trigger": {"on": 0.5}}) == []


def test_a_default_that_is_written_out_is_no_difference():
    assert changed({}, {"trigger": {"hold_s": 3.0}}) == []


def test_changed_added_and_removed_keys_are_named():
    before = {"trigger": {"on": 0.5}, "stations": {"A.B": {"on": 0.5}}}
    after = {"trigger": {"off": 0.5}, "model": {"threads": 2}}
    keys = changed(before, after)
    assert keys[:1] == ["model.threads"]
    assert {"trigger.on", "trigger.off", "stations.A.B.on"} <= set(keys)


def test_another_source_is_a_difference():
    other = {"source": [{"url": "seedlink://b"}]}
    assert changed({}, other) == ["source"]
