"""The text format, as Prometheus' own client library reads it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from quake_stream.histogram import Histogram
from quake_stream.metrics.text import family, histogram, labels, single


def read(text):
    (found,) = text_string_to_metric_families(text)
    return found


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_label_is_read_as_it_was(value):
    found = read(family("x", "gauge", "What it is.", [(labels(a=value, b="plain"), 1.5)]))
    (sample,) = found.samples
    assert sample.labels == {"a": value, "b": "plain"}
    assert (sample.name, sample.value) == ("x", 1.5)


def test_a_label_without_value_is_left_out():
    assert labels(reason="", station="IU.ANMO") == '{station="IU.ANMO"}'
    assert labels(reason="") == ""


@pytest.mark.parametrize("value", [0, -1.5, 1e-9, 2**60, math.inf])
def test_any_number_is_read_as_it_was(value):
    found = read(single("x", "gauge", "What it is.", value))
    assert (found.type, found.documentation) == ("gauge", "What it is.")
    assert found.samples[0].value == value


def test_a_histogram_is_cumulative_and_ends_with_all():
    counted = Histogram((0.5, 2))
    for value in (0.1, 0.2, 1.0, 7.0):
        counted.observe(value)
    found = read(histogram("x_seconds", "What it is.", counted.snapshot()))
    assert found.type == "histogram"
    buckets = {s.labels["le"]: s.value for s in found.samples if s.name == "x_seconds_bucket"}
    assert buckets == {"0.5": 2, "2": 3, "+Inf": 4}
    others = {s.name: s.value for s in found.samples if not s.labels}
    assert others == {"x_seconds_sum": pytest.approx(8.3), "x_seconds_count": 4}
