"""Changing over to SeedLink 4."""

import pytest

from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink4.handshake import check_reply, error_reason, error_text, speaks_4

BOTH = "SeedLink v4.0 (RingServer/4.5.3) :: SLPROTO:4.0 SLPROTO:3.1 CAP EXTREPLY NSWILDCARD\r\nsite\r\n"
OLD = "SeedLink v3.1 (2020.075) :: SLPROTO:3.1 CAP\r\nsite\r\n"
SILENT = "SeedLink v3.0\r\nsite\r\n"
NEW = "SeedLink v4.0 (x) :: SLPROTO:4.0\r\nsite\r\n"


@pytest.mark.parametrize(
    ("hello", "wanted", "expected"),
    [
        (BOTH, "auto", True),
        (BOTH, "3", False),
        (BOTH, "4", True),
        (OLD, "auto", False),
        (OLD, "3", False),
        (SILENT, "auto", False),
        (NEW, "auto", True),
    ],
)
def test_the_highest_version_of_both_sides_is_spoken_unless_one_is_wanted(hello, wanted, expected) -> None:
    assert speaks_4(hello, wanted) is expected


@pytest.mark.parametrize("hello", [OLD, SILENT])
def test_a_server_without_the_wanted_version_is_refused(hello) -> None:
    with pytest.raises(LinkLostError) as caught:
        speaks_4(hello, "4")
    assert caught.value.reason is Lost.PROTOCOL


def test_ok_is_accepted() -> None:
    check_reply("SLPROTO", b"OK")


@pytest.mark.parametrize(
    ("command", "line", "reason"),
    [
        ("AUTH", b"ERROR AUTH wrong password", Lost.AUTH),
        ("AUTH", b"ERROR UNSUPPORTED", Lost.AUTH),
        ("USERAGENT", b"ERROR UNAUTHORIZED who are you", Lost.AUTH),
        ("SLPROTO", b"ERROR UNSUPPORTED", Lost.HANDSHAKE),
        ("SLPROTO", b"\xff\x00", Lost.HANDSHAKE),
    ],
)
def test_a_refusal_is_told_with_what_the_server_said(command, line, reason) -> None:
    with pytest.raises(LinkLostError) as caught:
        check_reply(command, line)
    assert caught.value.reason is reason
    assert caught.value.detail == f"{command}: {error_text(line)}"


def test_an_error_in_place_of_data_may_mean_that_we_are_not_admitted() -> None:
    assert error_reason("ERROR AUTH Authentication required for streaming") is Lost.AUTH
    assert error_reason("ERROR INTERNAL") is Lost.ERROR
    assert error_reason("ERROR") is Lost.ERROR
    assert error_reason("") is Lost.ERROR


def test_what_a_server_says_is_shown_as_one_line_of_bounded_length() -> None:
    assert error_text(b"a\x1b[2J\r\nb" + b"x" * 999).startswith("a [2J  bx")
    assert len(error_text(b"x" * 999)) == 200
