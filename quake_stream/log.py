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

# Priorities of syslog(3); journald strips the <N> prefix and stores it as PRIORITY.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class _UnbreakableStream:
    """
    A log stream that cannot end the service.

    A closed pipe, a full disk or a restarted journald loses log lines, nothing more.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # ValueError: the stream was closed
            return 0

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


class _Prefix:
    """Put syslog's priority in front of a rendered line."""

    def __init__(self, renderer: structlog.processors.JSONRenderer) -> None:
        self._renderer = renderer

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> str:
        priority = _PRIORITIES.get(str(event_dict.get("level")), 6)
        line = self._renderer(logger, name, event_dict)
        return f"<{priority}>{line if isinstance(line, str) else line.decode()}"


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
    console = fmt == "console" or (fmt == "auto" and stream.isatty())
    journald = not console and "JOURNAL_STREAM" in os.environ
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info if not console else structlog.processors.StackInfoRenderer(),
    ]
    if not journald:
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    json = structlog.processors.JSONRenderer(default=str)
    if console:
        processors.append(structlog.dev.ConsoleRenderer(colors=stream.isatty()))
    else:
        processors.append(_Prefix(json) if journald else json)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=_UnbreakableStream(stream)),  # type: ignore[arg-type]  # only write and flush are used
        cache_logger_on_first_use=False,
    )
