"""
Detections beside a catalogue of earthquakes: which were found, which missed, what has no explanation.

`compare` decides, purely; `read` and `server` get catalogues, `travel_times` predicts arrivals, `report` and
`plot` show the result.  Earthquakes are taken as the catalogue has them, nothing is located here.
"""
