"""An FDSN event server on loopback, with one earthquake to tell, and a catalogue as text."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_HEADING = (
    "#EventID|Time|Latitude|Longitude|Depth/km|Author|Catalog|Contributor|ContributorID|MagType|Magnitude"
    "|MagAuthor|EventLocationName"
)
EVENTS = f"""{_HEADING}
near|2020-01-01T00:10:00.000|0.1|0.0|10.0|x|x|x|near|ML|2.5|x|here
far|2020-01-01T00:20:00.000|3.0|0.0|30.0|x|x|x|far|mb|5.0|x|there
"""
QUAKEML = b"""<?xml version="1.0" encoding="UTF-8"?>
<q:quakeml xmlns="http://quakeml.org/xmlns/bed/1.2" xmlns:q="http://quakeml.org/xmlns/quakeml/1.2">
<eventParameters publicID="smi:local/all"><event publicID="smi:local/near"><origin publicID="smi:local/o">
<time><value>2020-01-01T00:10:00Z</value></time><latitude><value>0.1</value></latitude>
<longitude><value>0.0</value></longitude><depth><value>10000</value></depth></origin>
</event></eventParameters></q:quakeml>
"""
_PARAMETERS = """
starttime:date endtime:date minlatitude:double maxlatitude:double minlongitude:double maxlongitude:double
latitude:double longitude:double maxradius:double mindepth:double maxdepth:double minmagnitude:double
maxmagnitude:double orderby:string format:string nodata:int
"""
_WADL = (
    '<application xmlns="http://wadl.dev.java.net/2009/02" xmlns:xs="http://www.w3.org/2001/XMLSchema">'
    '<resources base="http://localhost/fdsnws/event/1/"><resource path="query"><method name="GET"><request>'
    + "".join(
        f'<param name="{name}" style="query" type="xs:{kind}"/>'
        for name, kind in (pair.split(":") for pair in _PARAMETERS.split())
    )
    + "</request></method></resource></resources></application>"
).encode()


class FdsnServer:
    """Answers any query with ``body`` and ``status``; keeps the queries."""

    def __init__(self) -> None:
        self.body, self.status = QUAKEML, 200
        self.queries: list[dict[str, str]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                status, body = 404, b""
                if url.path.endswith("event/1/application.wadl"):
                    status, body = 200, _WADL
                elif url.path.endswith("event/1/query"):
                    owner.queries.append({key: value[0] for key, value in parse_qs(url.query).items()})
                    status, body = owner.status, owner.body
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop, and wait until it has."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)
        assert not self._thread.is_alive()
