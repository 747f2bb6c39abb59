"""
A SeedLink server for recorded miniSEED: ``quake-stream replay``, the demo and the integration tests.

`server` runs it; `schedule` says what is sent when and `restamp` with which time, `ring` holds what has been
sent, `session` speaks the protocol with one client and `faults` misbehaves on purpose.
"""
