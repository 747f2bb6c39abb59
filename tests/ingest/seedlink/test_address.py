"""Addresses of servers."""

import pytest

from quake_stream.errors import SourceError
from quake_stream.ingest.seedlink.address import Address


@pytest.mark.parametrize(
    ("text", "host", "port", "written"),
    [
        ("rtserve.example", "rtserve.example", 18_000, "rtserve.example:18000"),
        ("rtserve.example:18500", "rtserve.example", 18_500, "rtserve.example:18500"),
        ("seedlink://rtserve.example", "rtserve.example", 18_000, "rtserve.example:18000"),
        ("seedlink://10.0.0.1:1/", "10.0.0.1", 1, "10.0.0.1:1"),
        ("[::1]:18000", "::1", 18_000, "[::1]:18000"),
        ("seedlink://[fe80::1%eth0]", "fe80::1%eth0", 18_000, "[fe80::1%eth0]:18000"),
        ("::1", "::1", 18_000, "[::1]:18000"),
        (" host:65535 ", "host", 65_535, "host:65535"),
    ],
)
def test_d23_every_common_form_is_read(text: str, host: str, port: int, written: str) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, str(address)) == (host, port, written)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("seedlinks://rtserve.example", "rtserve.example", 18_500),
        ("seedlinks://rtserve.example:443", "rtserve.example", 443),
        ("seedlinks://[::1]", "::1", 18_500),
    ],
)
def test_an_encrypted_server_has_another_port_by_default(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host=host, port=port, is_encrypted=True)
    assert not Address.parse(text.replace("seedlinks", "seedlink")).is_encrypted


@pytest.mark.parametrize(
    "text",
    ["", ":1", "host:", "host:x", "host:0", "host:65536", "host:-1", "host:1²", "http://host:1", "a b:1"],
)
@pytest.mark.parametrize("scheme", ["", "seedlink://", "seedlinks://"])
def test_what_is_no_address_is_refused_with_a_hint(scheme: str, text: str) -> None:
    with pytest.raises(SourceError, match="write host:port"):
        Address.parse(scheme + text)


@pytest.mark.parametrize("text", ["user@host:1", "host:1/path", "[::1", "[::1]18000", "[::1]:", "[]:1"])
def test_what_is_nearly_an_address_is_refused_too(text: str) -> None:
    with pytest.raises(SourceError, match="write host:port"):
        Address.parse(text)
