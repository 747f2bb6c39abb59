"""
miniSEED records: find, read and decode them.

`header` reads headers without decoding, `decode` makes packets, `archive` puts whole archives in order.
"""
