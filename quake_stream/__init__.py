"""Real-time earthquake detector: SeedLink in, LSTM, detections out over ZeroMQ."""

__version__ = "0.1.0"
