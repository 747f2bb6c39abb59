"""Lines of the table that ``listen`` and ``demo`` print."""

from dataclasses import astuple

from quake_stream.publish.frames import Message
from quake_stream.publish.listing import Row, summary_row
from quake_stream.publish.sequence import Missed

_FORMAT = "{:<24} {:<15} {:<8} {:<11} {:>5} {:>6} {:>7}  {}"
HEADING = _FORMAT.format("onset (UTC)", "instrument", "state", "class", "prob", "SNR dB", "late s", "note")


def format_row(item: Message | Missed) -> str:
    """One line for a message of any kind, or for a notice of missed ones."""
    row: Row = summary_row(item)
    return _FORMAT.format(*astuple(row)).rstrip()
