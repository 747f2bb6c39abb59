"""Files of keys: made once, kept secret, read strictly."""

import os
import stat
from pathlib import Path

import pytest
import zmq
import zmq.auth
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from quake_stream.errors import ConfigError
from quake_stream.publish.keys import (
    is_key,
    new_pair,
    read_client_key,
    read_server_key,
    write_key,
)


def test_a_key_pair_is_read_as_it_was_written(tmp_path: Path) -> None:
    pair = new_pair()
    write_key(tmp_path / "key", pair, owner="station")
    assert read_server_key(tmp_path / "key") == pair
    assert zmq.auth.load_certificate(tmp_path / "key") == (pair.public.encode(), pair.secret.encode())


def test_a_subscriber_finds_all_that_it_needs_in_one_file(tmp_path: Path) -> None:
    server, pair = new_pair(), new_pair()
    write_key(tmp_path / "key", pair, owner="reader", server=server.public)
    found = read_client_key(tmp_path / "key")
    assert (found.pair, found.server) == (pair, server.public)


def test_nobody_else_may_read_a_new_key_whatever_the_umask(tmp_path: Path) -> None:
    write_key(tmp_path / "key", new_pair(), owner="station")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    write_key(tmp_path / "key", new_pair(), owner="station")
    before = (tmp_path / "key").read_text()
    with pytest.raises(ConfigError, match="never overwritten"):
        write_key(tmp_path / "key", new_pair(), owner="station")
    assert (tmp_path / "key").read_text() == before
    with pytest.raises(ConfigError, match="No such file"):
        write_key(tmp_path / "missing" / "key", new_pair(), owner="station")


def test_a_secret_does_not_show_when_it_is_printed() -> None:
    pair = new_pair()
    assert pair.secret not in repr(pair)


def test_a_key_that_every_user_can_read_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path / "key", new_pair(), owner="station")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(ConfigError, match="every user of this machine can use this secret key; chmod 600 it"):
        read_server_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)  # as systemd's access lists look
    read_server_key(tmp_path / "key")


def test_a_pipe_is_not_waited_for_and_a_file_without_end_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="no plain file"):
        read_server_key(tmp_path / "pipe")
    (tmp_path / "long").write_text("\n" * 10_000_000)
    (tmp_path / "long").chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key pair"):
        read_server_key(tmp_path / "long")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "holds no key pair"),
        (b"\xff\xfe", "holds no keys"),
        (b'public-key = "' + b"a" * 40 + b'"', "holds no key pair"),
        (b'public-key = "x"\nsecret-key = "y"', "holds no key pair"),
        (
            b'public-key = "' + b"a" * 40 + b'"\nsecret-key = "' + b"b" * 40 + b'"',
            "the two keys do not belong together",
        ),
    ],
)
def test_a_damaged_key_file_is_refused_by_name(text: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=f"^{path}: {why}"):
        read_server_key(path)


def test_the_key_of_a_service_is_no_key_of_a_subscriber(tmp_path: Path) -> None:
    write_key(tmp_path / "key", new_pair(), owner="station")
    with pytest.raises(ConfigError, match="not the file of a subscriber"):
        read_client_key(tmp_path / "key")
    with pytest.raises(ConfigError, match="No such file"):
        read_client_key(tmp_path / "other")


def test_a_key_may_be_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, path = new_pair(), Path("$CREDENTIALS_DIRECTORY/server.key")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="only systemd hands them over, by LoadCredential="):
        read_server_key(path)
    write_key(tmp_path / "server.key", pair, owner="station")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_server_key(path) == pair


@given(st.binary(min_size=32, max_size=32))
def test_every_32_bytes_are_a_key(data: bytes) -> None:
    assert is_key(z85.encode(data).decode())


@given(st.text(max_size=45) | st.text("%#@$", min_size=40, max_size=40))
def test_other_text_is_refused_and_never_fails(text: str) -> None:
    if is_key(text):
        assert len(z85.decode(text.encode())) == 32
