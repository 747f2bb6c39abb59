"""Fuzz targets: one small property per parser, for Hypothesis (in the suite) and for libFuzzer (``make fuzz``)."""
