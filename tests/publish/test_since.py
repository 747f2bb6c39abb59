import pytest

from quake_stream.publish.since import parse_since
from quake_stream.types import NS_PER_S

NOW_NS = 1_000_000 * NS_PER_S


@pytest.mark.parametrize(
    ("text", "ago_s"), [("90s", 90), ("15m", 900), ("1h", 3600), ("1.5h", 5400), ("2d", 172_800), ("0s", 0)]
)
def test_a_duration_counts_back_from_now(text: str, ago_s: int) -> None:
    assert parse_since(text, now_ns=NOW_NS) == NOW_NS - ago_s * NS_PER_S


def test_a_time_is_taken_as_it_is() -> None:
    assert parse_since("1970-01-01T00:00:01.5Z", now_ns=NOW_NS) == 1_500_000_000


@pytest.mark.parametrize("text", ["", "h", "1", "1 h", "-1h", "1w", "1e3s", "yesterday", "2010-05-27"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a duration such as 1h nor a UTC time"):
        parse_since(text, now_ns=NOW_NS)
