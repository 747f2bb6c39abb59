"""
miniSEED records, from bytes to packets.

`record` (what all share) → `header` (read without decoding) → `decode` (make packets);
`scan` (find records in a file), `folders` (find files) → `archive` (put them all in order).
"""
