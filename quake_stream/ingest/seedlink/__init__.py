"""
A SeedLink server → packets, for months: ObsPy's client with everything that waits replaced.

`source` (reconnects, decodes, delivers) → `connection` (asks for stations, then packet after packet)
→ `dialogue` (question and answer) → `link` (one TCP socket) and `tls`: they do the I/O, and all wait in
`pulse`, which a stop interrupts.  What they say and hear is decided without I/O: `framing` and `info` read;
`selectors`, `stations`, `request` and `negotiation` ask, in the words of a `dialect`: SeedLink 3, or 4 (see
`quake_stream.ingest.seedlink4`).  `credentials` hold who we are.  `idle` and `backoff` say when; neither
reads a clock.  `link_log` says what became of it.  `address`, `settings` and `lost` (why a connection ended)
are the words that all share.

ObsPy's own: HELLO, version checks, the client's loop, station state (extended in `stations`), packets
(extended in `packet`).  Replaced: sockets, framing, negotiation, resuming, reconnecting.

Nothing is imported here, so that `lost` and `settings` stay free of ObsPy.
"""
