"""
The file that says who may subscribe: a line for each client, with its name and its public key.

Public keys are no secret, so every user may read it.  It is replaced as a whole, never half written.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from quake_stream.errors import ConfigError
from quake_stream.publish.keys import is_key
from quake_stream.safe_open import create_anew, open_regular

HEADING: Final = "# Who may subscribe: a name and a CURVE public key on each line.\n"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """Give the name back; raises `ConfigError` unless it can stand in the list and in a file's name."""
    if _NAME.fullmatch(name) is None:
        raise ConfigError(f"{name!r}: a name is up to 64 letters, digits, dots, hyphens and underscores")
    return name


def read_clients(path: Path) -> dict[str, str]:
    """
    Read the list: name → public key; empty where nobody may subscribe.

    Raises
    ------
    ConfigError
        The file cannot be read, or lines are wrong, all of which are named: half a list would shut out
        the other half.
    """
    clients: dict[str, str] = {}
    problems = []
    for number, line in enumerate(_lines(path), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or _NAME.fullmatch(words[0]) is None or not is_key(words[1]):
            problems.append(f"{path}: line {number} is not a name and a public key of 40 characters")
        elif words[0] in clients or words[1] in clients.values():
            problems.append(f"{path}: line {number} repeats a name or a key")
        else:
            clients[words[0]] = words[1]
    if problems:
        raise ConfigError("\n".join(problems))
    return clients


def write_clients(path: Path, clients: Mapping[str, str]) -> None:
    """Make a new list; raises `ConfigError` when the file is there already or cannot be written."""
    if path.exists():
        raise ConfigError(f"{path}: is there already")
    _write(path, [HEADING, *(f"{name} {key}\n" for name, key in clients.items())])


def add_client(path: Path, name: str, key: str) -> None:
    """
    Add a client to the list.

    Raises
    ------
    ConfigError
        The name or the key is in the list or is none, or the file is wrong or cannot be written.
    """
    clients = read_clients(path)
    check_name(name)
    if not is_key(key):
        raise ConfigError(f"{key!r} is no public key, which has 40 characters of Z85")
    if name in clients or key in clients.values():
        raise ConfigError(f"{path}: has this name or this key already")
    lines = [line if line.endswith("\n") else f"{line}\n" for line in _lines(path)]
    _write(path, [*lines, f"{name} {key}\n"])


def remove_client(path: Path, name: str) -> None:
    """Remove a client; raises `ConfigError` when it is not in the list, or the file is wrong."""
    if name not in read_clients(path):
        raise ConfigError(f"{path}: {name!r} is not in the list")
    _write(path, [line for line in _lines(path) if line.split()[:1] != [name]])


def _lines(path: Path) -> list[str]:
    try:
        with open_regular(path, may_be_link=True) as file:
            return file.read().decode().splitlines(keepends=True)
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: is no text") from exc


def _write(path: Path, lines: list[str]) -> None:
    new = path.with_name(f"{path.name}.new")
    try:
        with create_anew(new) as file:
            file.writelines(line.encode() for line in lines)
            os.fchmod(file.fileno(), 0o644)  # the service reads it as another user
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
