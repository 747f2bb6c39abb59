"""
What Prometheus sees of the running service.

A page of metrics in the text format, and a small HTTP server that nobody can harm the service through.
Nothing is measured here: all values are handed in.
"""
