"""
CURVE keys of a feed and of its subscribers, and the files that hold them.

The files are ZeroMQ certificates, which other bindings read as well.  Who may subscribe stands in another
file, see `clients`.
"""

import os
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from quake_stream.errors import ConfigError
from quake_stream.safe_open import open_regular

CREDENTIALS: Final = "$CREDENTIALS_DIRECTORY"  # where systemd puts what LoadCredential= names

_MAX_BYTES: Final = 4096  # a few hundred are written
_LINE = re.compile(r'^\s*(public-key|secret-key|server-key)\s*=\s*"([^"]*)"\s*$', re.MULTILINE)
_TEXT = """\
#   CURVE certificate of {owner}, in the notation of ZeroMQ.
#   Whoever has this file can pass for its owner: keep it secret.

curve
    public-key = "{public}"
    secret-key = "{secret}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Keys of one side, each 40 characters of Z85 (ZeroMQ RFC 32); the secret one is never shown."""

    public: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """What a subscriber needs: its own keys, and the public key of the service that it trusts."""

    pair: KeyPair
    server: str


def new_pair() -> KeyPair:
    """Make a key pair from the random numbers of the operating system."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public=public.decode(), secret=secret.decode())


def is_key(text: str) -> bool:
    """Whether the text is 32 bytes in Z85."""
    if len(text) != 40 or not text.isascii():
        return False
    try:
        return z85.encode(z85.decode(text.encode())) == text.encode()
    except (KeyError, struct.error):  # no such character; more than 32 bits
        return False


def write_key(path: Path, pair: KeyPair, *, owner: str, server: str = "") -> None:
    """
    Write a key pair, with the public key of the service for a subscriber, to a new file of mode 0600.

    Raises
    ------
    ConfigError
        The file is there already, or cannot be written.
    """
    text = _TEXT.format(owner=owner, public=pair.public, secret=pair.secret)
    if server:
        text += f'    server-key = "{server}"\n'
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise ConfigError(f"{path}: is there already; keys are never overwritten") from exc
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc


def read_server_key(path: Path) -> KeyPair:
    """
    Read the keys of a service; ``$CREDENTIALS_DIRECTORY/NAME`` is a credential that systemd hands over.

    Raises
    ------
    ConfigError
        The file cannot be read, holds no key pair, or can be read by every user of the machine.
    """
    path = _located(path)
    return _pair(path, _read(path))


def read_client_key(path: Path) -> ClientKey:
    """Read the keys of a subscriber; raises `ConfigError` as `read_server_key` does."""
    path = _located(path)
    found = _read(path)
    server = found.get("server-key", "")
    if not is_key(server):
        raise ConfigError(f"{path}: has no server-key, so it is not the file of a subscriber")
    return ClientKey(pair=_pair(path, found), server=server)


def _located(path: Path) -> Path:
    if path.parts[:1] != (CREDENTIALS,):
        return path
    folder = os.environ.get(CREDENTIALS.removeprefix("$"))
    if not folder:
        raise ConfigError(f"{path}: no credentials here; only systemd hands them over, by LoadCredential=")
    return Path(folder, *path.parts[1:])


def _read(path: Path) -> dict[str, str]:
    try:
        with open_regular(path, may_be_link=True) as file:
            # Others, not the group: systemd's access lists show as rights of the group.
            if os.fstat(file.fileno()).st_mode & 0o007:
                raise ConfigError(f"{path}: every user of this machine can use this secret key; chmod 600 it")
            return dict(_LINE.findall(file.read(_MAX_BYTES).decode()))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: holds no keys") from exc


def _pair(path: Path, found: dict[str, str]) -> KeyPair:
    public, secret = found.get("public-key", ""), found.get("secret-key", "")
    if not is_key(public) or not is_key(secret):
        raise ConfigError(f"{path}: holds no key pair; make one with quake-stream keys new")
    if zmq.curve_public(secret.encode()).decode() != public:
        raise ConfigError(f"{path}: the two keys do not belong together")
    return KeyPair(public=public, secret=secret)
