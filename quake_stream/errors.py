"""
Errors that quake_stream raises on purpose.

::

    QuakeStreamError            base of all; ``exit_code`` is what the command line returns
    ├── ConfigError             the configuration is wrong                     exit 78
    ├── ModelError              a model is damaged, tampered or does not fit   exit 78
    ├── SourceError             a recording or server address cannot be used   exit 66
    ├── PublishError            the feed cannot be opened                      exit 1
    ├── InferenceError          the model fails whatever it is given           exit 1
    └── WireError               a message is none (publish.frames)             exit 1
        └── VersionError        its publisher is newer than this program       exit 1

Bad *data* raises none of these: broken records and refused packets are counted (`counters`).
"""

from typing import ClassVar


class QuakeStreamError(Exception):
    """Base of all errors that a user can cause or mend; the message is one that a user can act on."""

    exit_code: ClassVar[int] = 1


class ConfigError(QuakeStreamError):
    """The configuration cannot be used; the message lists every problem (sysexits EX_CONFIG)."""

    exit_code = 78


class ModelError(QuakeStreamError):
    """A checkpoint is damaged, tampered with or does not fit its card (sysexits EX_CONFIG)."""

    exit_code = 78


class SourceError(QuakeStreamError):
    """A source address or recording cannot be opened at all (sysexits EX_NOINPUT)."""

    exit_code = 66


class PublishError(QuakeStreamError):
    """The feed cannot be opened: a port in use may be free again soon, so a restart is worth it."""


class InferenceError(QuakeStreamError):
    """The model fails whatever it is given, as when the GPU is gone: a restart is all that can help."""
