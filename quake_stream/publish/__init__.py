"""
Detections → subscribers, over ZeroMQ.

`wire` says what a message is, `publisher` sends, `subscriber` receives.  Nothing is imported here, so
that `wire` stays free of ZeroMQ.
"""
