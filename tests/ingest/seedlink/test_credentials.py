"""Files with secrets."""

import os
from pathlib import Path

import pytest

from quake_stream.ingest.seedlink.credentials import Credentials, CredentialsError


def secret_file(folder: Path, content: bytes = b"s3cret\n", mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_user_is_sent_with_the_password_of_the_file(tmp_path: Path) -> None:
    credentials = Credentials(user="anna", secret_file=secret_file(tmp_path))
    assert credentials.command() == "AUTH USERPASS anna s3cret"


def test_without_a_user_the_file_holds_a_token(tmp_path: Path) -> None:
    assert Credentials(secret_file=secret_file(tmp_path, b"a.b.c")).command() == "AUTH JWT a.b.c"


def test_a_renewed_secret_is_taken_without_a_restart(tmp_path: Path) -> None:
    credentials = Credentials(secret_file=secret_file(tmp_path, b"old"))
    assert credentials.command() == "AUTH JWT old"
    secret_file(tmp_path, b"new")
    assert credentials.command() == "AUTH JWT new"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"line\nline", b"caf\xc3\xa9", b"x" * 4001])
def test_what_is_no_single_word_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CredentialsError, match="holds no single word") as caught:
        Credentials(secret_file=secret_file(tmp_path, content)).command()
    assert str(caught.value) == f"{tmp_path / 'secret'}: holds no single word of printable ASCII"


def test_a_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="chmod 600"):
        Credentials(secret_file=secret_file(tmp_path, mode=0o644)).command()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "secret", 0o600)
    with pytest.raises(CredentialsError, match="no plain file"):
        Credentials(secret_file=tmp_path / "secret").command()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=f"{tmp_path}/none: No such file"):
        Credentials(secret_file=tmp_path / "none").command()


def test_a_credential_of_systemd_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file(tmp_path)
    credentials = Credentials(user="anna", secret_file=Path("$CREDENTIALS_DIRECTORY/secret"))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(CredentialsError, match="LoadCredential="):
        credentials.command()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert credentials.command() == "AUTH USERPASS anna s3cret"


def test_a_secret_is_no_part_of_what_is_shown(tmp_path: Path) -> None:
    assert "s3cret" not in repr(Credentials(user="anna", secret_file=secret_file(tmp_path)))
