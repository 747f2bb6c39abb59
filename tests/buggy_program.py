"""The program ``quake-stream`` with a bug: a station's packets, named first, make the windowing fail."""

import sys
from functools import wraps

from quake_stream.cli import main
from quake_stream.windowing.trace import Trace

if __name__ == "__main__":
    station = sys.argv.pop(1)
    receive = Trace.receive

    @wraps(receive)
    def fail(self, packet, **options):
        if packet.source_id.instrument.nsl == station:
            raise ZeroDivisionError("the bug")
        return receive(self, packet, **options)

    Trace.receive = fail
    main()
