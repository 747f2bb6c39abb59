"""
Detections for other programs: files, a database, a message broker, a web address.

Each exporter is a subscriber in a process of its own, so that none can slow the service down.
"""
