"""Why connections end."""

from quake_stream.ingest.seedlink.lost import LinkLostError, Lost


def test_the_message_gives_the_reason_and_what_is_known() -> None:
    assert str(LinkLostError(Lost.EOF)) == "eof"
    assert str(LinkLostError(Lost.DNS, "no such host")) == "dns: no such host"


def test_reasons_are_fit_for_counters() -> None:
    assert all(reason.isidentifier() and reason.islower() for reason in Lost)
