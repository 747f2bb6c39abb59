"""
Would the service run with this configuration, here and now?  Everything is tried, nothing is changed.

`quake_stream.diagnosis.diagnose.diagnose` makes a `quake_stream.diagnosis.report.Report`.
"""
