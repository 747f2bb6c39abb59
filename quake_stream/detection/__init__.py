"""
Windows → batches → detections.  Pure: no clock, thread, file, log or foreign library but numpy.

`quake_stream.detection.detector.Detector` is the way in; time is an argument of every call that needs it.
"""
