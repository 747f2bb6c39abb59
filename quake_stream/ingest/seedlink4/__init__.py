"""
What SeedLink 4 says in other words than SeedLink 3: the second language of `quake_stream.ingest.seedlink`.

`dialect` gathers it for the connection, which is the same for both: `handshake` changes over to it, `selectors`
and `request` ask, `framing` and `info` read.  Pure; sockets, times and stations are the connection's.

The format of packets, replies and greetings is read by EarthScope's seedlink-client.  Its own connection is
not used: it cannot be stopped, asks for one station after the other, has no time limit for a reply, and ends
at the first refusal.

Specification: https://docs.fdsn.org/projects/seedlink, version 4.0.
"""
