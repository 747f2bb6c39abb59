"""
Packets in, windows out: step 2 of the data flow.  Pure: no clock, thread, socket, log or file.

Every sample that a window offers is a function of a bounded span of raw samples, computed once, by
arithmetic that gives the same bits however the samples were cut into packets.
"""
