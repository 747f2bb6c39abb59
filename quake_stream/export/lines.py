"""
Detections as lines of a growing text: CSV, USGS JSON.

Each line is handed to the operating system at once, so that killing the program loses none; the disk is
made to keep them whenever the feed pauses.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from quake_stream.counters import Key
from quake_stream.errors import ConfigError, QuakeStreamError
from quake_stream.export.files import open_lines
from quake_stream.export.usgs import UsgsWriter
from quake_stream.formats import CSV_COLUMNS, Body, CsvWriter, Writer


class LineSink:
    """
    Append lines to a file, or to a stream such as the standard output.

    Parameters
    ----------
    target
        Path of a file to go on with, or a stream, which stays open.
    make_writer
        What makes lines of detections, given the stream and whether the text is empty so far.
    """

    n_waiting = 0

    def __init__(self, target: Path | TextIO, make_writer: Callable[[TextIO, bool], Writer]) -> None:
        self._path = target if isinstance(target, Path) else None
        self._stream = open_lines(target) if isinstance(target, Path) else target
        self._settled = True
        try:
            self._writer = make_writer(self._stream, self._path is None or self._path.stat().st_size == 0)
            self._stream.flush()
        except BaseException:
            self.close()
            raise

    def write(self, body: Body) -> None:
        """Append one line; raises QuakeStreamError when the disk refuses, BrokenPipeError from a stream."""
        try:
            self._writer.write(body)
            self._stream.flush()
        except OSError as exc:
            self._fail(exc)
        self._settled = False

    def settle(self) -> None:
        """Make the disk keep the lines; raises as `write` does."""
        if self._settled or self._path is None:
            return
        try:
            os.fsync(self._stream.fileno())
        except OSError as exc:
            self._fail(exc)
        self._settled = True

    def close(self) -> None:
        """Settle, and close a file; raises as `write` does."""
        self.settle()
        if self._path is None:
            return
        try:
            self._stream.close()
        except OSError as exc:  # what `write` could not get rid of
            self._fail(exc)

    def counts(self) -> Mapping[Key, int]:
        """Nothing: a line is written or the program ends."""
        return {}

    def _fail(self, exc: OSError) -> None:
        if self._path is None:
            raise exc
        raise QuakeStreamError(f"{self._path}: cannot be written: {exc.strerror}") from exc


def csv_writer(stream: TextIO, is_empty: bool) -> Writer:  # noqa: FBT001  called by LineSink only
    """Go on with a CSV file; raises ConfigError where its columns are others."""
    if not is_empty:
        stream.seek(0)
        heading = stream.readline().rstrip("\r\n")
        if heading != ",".join(CSV_COLUMNS):
            raise ConfigError(f"{stream.name}: is there already, and its columns are not those of detections")
        stream.seek(0, os.SEEK_END)
    return CsvWriter(stream, heading=is_empty)


def usgs_writer(stream: TextIO, _is_empty: bool) -> Writer:  # noqa: FBT001  called by LineSink only
    """Write USGS JSON, one object a line."""
    return UsgsWriter(stream)
