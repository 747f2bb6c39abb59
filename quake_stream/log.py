"""
Set up structured logs: one JSON object a line, or coloured lines on a terminal.

Event names are dotted, quantities carry their unit in the key.  Logs go to standard error, so that
commands may write results to standard output.
"""

import logging
import os
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from quake_stream.log_stream import UnbreakableStream

# Priorities of syslog(3); journald strips the <N> prefix and stores it as PRIORITY.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
# journald gives no longer lines back as JSON, and splits those above 48 KiB.
MAX_LINE_BYTES = 4095
# Characters that are left of a text, tried in this order until the line is short enough.
_TEXT_LIMITS = (2000, 500, 100, 30)
_CHARS_PER_ITEM = 20


class _OneLine:
    """Render JSON of at most `MAX_LINE_BYTES`, with syslog's priority in front if journald reads it."""

    def __init__(self, *, journald: bool) -> None:
        self._journald = journald
        self._render = structlog.processors.JSONRenderer(default=str)

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> str:
        prefix = f"<{_PRIORITIES.get(str(event_dict.get('level')), 6)}>" if self._journald else ""
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

    def __init__(self, stream: UnbreakableStream) -> None:
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
    its priority and no time, as journald adds both.
    """
    stream = sys.stderr if stream is None else stream
    unbreakable = UnbreakableStream(stream)
    console = fmt == "console" or (fmt == "auto" and stream.isatty())
    journald = not console and "JOURNAL_STREAM" in os.environ
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _Lost(unbreakable),
        structlog.processors.format_exc_info if not console else structlog.processors.StackInfoRenderer(),
    ]
    if not journald:
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    if console:
        processors.append(structlog.dev.ConsoleRenderer(colors=stream.isatty()))
    else:
        processors.append(_OneLine(journald=journald))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=unbreakable),  # type: ignore[arg-type]  # only write and flush are used
        cache_logger_on_first_use=False,
    )
