"""
Set up structured logs: one JSON object a line, or coloured lines on a terminal.

Event names are dotted, quantities carry their unit in the key.  Logs go to standard error, so that
commands may write results to standard output.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from quake_stream.log_stream import JournalStream, UnbreakableStream, is_journal

# Priorities of syslog(3); journald strips the <N> prefix and stores it as PRIORITY.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
# journald gives no longer lines back as JSON, and splits those above 48 KiB.
MAX_LINE_BYTES = 4095
# Characters that are left of a text, tried in this order until the line is short enough.
_TEXT_LIMITS = (2000, 500, 100, 30)
_CHARS_PER_ITEM = 20
_MAX_FIELD = 32


def _no_prefix(_event_dict: EventDict) -> str:
    return ""


def _priority(event_dict: EventDict) -> str:
    return f"<{_PRIORITIES.get(str(event_dict.get('level')), 6)}>"


def _fields(event_dict: EventDict) -> str:
    """Fields of an entry of the journal, so that ``journalctl QS_STATION=CX.PB01`` finds it."""
    fields = {"PRIORITY": _priority(event_dict)[1:-1], "SYSLOG_IDENTIFIER": "quake-stream"}
    place = str(event_dict.get("instrument") or event_dict.get("station") or "")
    if place.isprintable() and place:
        fields["QS_STATION"] = ".".join(place.split(".")[:2])[:_MAX_FIELD]
    return "".join(f"{name}={value}\n" for name, value in fields.items()) + "MESSAGE="


class _OneLine:
    """Render JSON of at most `MAX_LINE_BYTES` after what ``prefix`` makes of the event."""

    def __init__(self, prefix: Callable[[EventDict], str]) -> None:
        self._prefix = prefix
        self._render = structlog.processors.JSONRenderer(default=str)

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> str:
        prefix = self._prefix(event_dict)
        room = MAX_LINE_BYTES - len(prefix) - 1  # of the end of the line
        line = str(self._render(logger, name, event_dict))
        for limit in _TEXT_LIMITS:
            if len(line) <= room:  # escaped, so that each character is one byte
                return prefix + line
            cut = {key: _shortened(value, limit) for key, value in event_dict.items()}
            line = str(self._render(logger, name, cut))
        if len(line) > room:
            kept = {"event": "log.line_too_long", "level": event_dict.get("level"), "begins": line[:500]}
            line = str(self._render(logger, name, kept))
        return prefix + line


def _shortened(value: object, limit: int) -> object:
    """Cut a value; of a text both ends stay, as a traceback's last lines say what it is about."""
    n_items = limit // _CHARS_PER_ITEM
    if isinstance(value, list | tuple | set | frozenset):
        items = list(value)
        more = [f"... {len(items) - n_items} more"] if len(items) > n_items else []
        return [*(_shortened(item, limit) for item in items[:n_items]), *more]
    if isinstance(value, dict):
        kept = {key: _shortened(entry, limit) for key, entry in list(value.items())[:n_items]}
        return kept | ({"...": f"{len(value) - n_items} more"} if len(value) > n_items else {})
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"


class _Lost:
    """Say how many lines before this one were lost."""

    def __init__(self, stream: UnbreakableStream | JournalStream) -> None:
        self._stream = stream

    def __call__(self, _logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
        if self._stream.n_lost:
            event_dict["n_lines_lost"] = self._stream.n_lost
        return event_dict


def configure(
    level: str = "info",
    fmt: Literal["auto", "json", "console"] = "auto",
    stream: TextIO | None = None,
) -> None:
    """
    Configure structlog for the whole process; called once by each command.

    ``auto`` means coloured lines on a terminal and JSON elsewhere; under systemd each JSON line carries
    its priority and no time, as journald adds both, and journald is told the station as QS_STATION.
    """
    stream = sys.stderr if stream is None else stream
    console = fmt == "console" or (fmt == "auto" and stream.isatty())
    journal = "" if console else os.environ.get("JOURNAL_STREAM", "")
    plain = UnbreakableStream(stream)
    is_native = is_journal(stream, journal)
    unbreakable = JournalStream(plain) if is_native else plain
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _Lost(unbreakable),
        structlog.processors.format_exc_info if not console else structlog.processors.StackInfoRenderer(),
    ]
    if not journal:
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    if console:
        processors.append(structlog.dev.ConsoleRenderer(colors=stream.isatty()))
    else:
        prefix = _fields if is_native else _priority if journal else _no_prefix
        processors.append(_OneLine(prefix))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=unbreakable),  # type: ignore[arg-type]  # only write and flush are used
        cache_logger_on_first_use=False,
    )
