"""
A SeedLink server for recorded miniSEED: ``quake-stream replay``, the demo and the integration tests.

`server` runs it; `schedule` says what is sent when and `restamp` with which time, `ring` holds what has been
sent, `session` speaks the protocol with one client, `commands` and `commands4` know what it may ask for, and
`faults` misbehaves on purpose.
"""
