"""
Who we are to a SeedLink server: a user with a password, or a token, each secret in a file of its own.

The file is read whenever it is needed, so that a renewed token needs no restart.  A secret is kept nowhere
and never part of a message.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quake_stream.safe_open import open_regular

CREDENTIALS: Final = "$CREDENTIALS_DIRECTORY"  # where systemd puts what LoadCredential= names
MAX_SECRET_BYTES = 4000  # libslink and ringserver read command lines of that length


class CredentialsError(Exception):
    """A secret cannot be had; the message names the file, never what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """
    A user's name with the file that holds the password or, without a name, the file that holds a token.

    ``$CREDENTIALS_DIRECTORY/NAME`` is a credential that systemd hands over.
    """

    secret_file: Path
    user: str | None = None

    def command(self) -> str:
        """
        Write the AUTH command, with the secret in it.

        Raises
        ------
        CredentialsError
            The file cannot be read, is open to every user of this machine, or holds something else than one
            word.
        """
        secret = _read(_resolved(self.secret_file))
        return f"AUTH JWT {secret}" if self.user is None else f"AUTH USERPASS {self.user} {secret}"


def _resolved(path: Path) -> Path:
    if path.parts[:1] != (CREDENTIALS,):
        return path
    folder = os.environ.get(CREDENTIALS.removeprefix("$"))
    if not folder:
        raise CredentialsError(f"{path}: systemd has set no $CREDENTIALS_DIRECTORY; see LoadCredential=")
    return Path(folder, *path.parts[1:])


def _read(path: Path) -> str:
    try:
        with open_regular(path, may_be_link=True) as file:
            if os.fstat(file.fileno()).st_mode & 0o007:
                raise CredentialsError(f"{path}: every user of this machine can read it: chmod 600")
            secret = file.read(MAX_SECRET_BYTES + 1).strip()
    except OSError as exc:
        raise CredentialsError(f"{path}: {exc.strerror or exc}") from exc
    if not 0 < len(secret) <= MAX_SECRET_BYTES or not all(33 <= byte <= 126 for byte in secret):
        raise CredentialsError(f"{path}: holds no single word of printable ASCII")
    return secret.decode("ascii")
