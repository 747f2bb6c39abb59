"""
Detections of single instruments → detections of a network: what several stations see is no passing lorry.

`rule` and `coincidence` decide, purely; `messages` and `recorded` read detections, `relay` turns a feed
into another.  Nothing is located here.
"""
