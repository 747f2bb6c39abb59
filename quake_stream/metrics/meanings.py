"""What each counter of the service counts, for whoever reads it on a dashboard.  Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # servers
        "connections.opened": "Connections made to SeedLink servers.",
        "connections.lost": "Connections to SeedLink servers that were lost or could not be made.",
        "servers.restarted": "Servers whose sequence numbers began anew.",
        "keepalives.sent": "Questions whether a silent server is there.",
        "keepalives.unanswered": "Questions that a silent server did not answer; the connection is given up.",
        "infos.unasked": "Answers that nobody had asked a server for.",
        "streams.desyncs": "Bytes from a server that are no record; the connection is given up.",
        "stations.refused": "Stations that a server did not accept.",
        "selectors.refused": "Stream selectors that a server did not accept.",
        # records and positions
        "records.received": "Records received from servers.",
        "records.unwanted": "Records of streams that are not configured.",
        "records.refused": "Records that cannot be read or trusted.",
        "records.skipped": "Records that a server no longer had when the service came back.",
        "records.leap_seconds": "Records that begin in a leap second.",
        "positions.refused": "SeedLink positions that could not be used.",
        "positions.unread": "Position files that could not be read.",
        "positions.saved": "Saves of the SeedLink positions.",
        "positions.unsaved": "Saves of the SeedLink positions that failed.",
        "clocks.set": "Times that the host's clock was set by a second or more.",
        # samples
        "packets.dropped": "Packets dropped: the detector did not keep up, or they came too late.",
        "packets.empty": "Packets without samples.",
        "packets.refused": "Packets with samples or times that cannot be.",
        "packets.repeated": "Packets whose samples were there already.",
        "packets.late": "Packets out of order that were still in time.",
        "packets.overlapping": "Packets that overlap the one before.",
        "packets.jittered": "Packets whose time was off by less than half a sample.",
        "samples.conflicting": "Samples that came twice and differ; the first are kept.",
        "gaps": "Gaps in the data.",
        "traces.restarted": "Traces that began anew, as after a change of the sample rate.",
        "components.silent": "Components that windows no longer wait for.",
        "components.flat": "Components that became flat lines.",
        # windows
        "windows.skipped": "Windows that could not be made.",
        "windows.dropped": "Windows made and not scored.",
        "batches.failed": "Batches on which the model failed, at least for some windows.",
        "batches.split": "Batches whose features had to be made window by window.",
        "instruments.failed": "Times that the detector itself failed on an instrument's data.",
        # feed
        "messages.sent": "Messages published, by kind.",
        "messages.dropped": "Messages that could not be published, by kind.",
        "messages.unjournalled": "Messages that could not be written to the journal.",
        "messages.replayed": "Messages sent again to subscribers that asked.",
        "messages.unexpected": "Messages from subscribers that are no subscription.",
        "subscriptions.joined": "Subscriptions begun.",
        "subscriptions.left": "Subscriptions ended.",
        "connections.admitted": "Subscribers let in by their keys.",
        "connections.refused": "Connections to the feed refused for want of a listed key.",
        "requests.answered": "Requests for a replay answered.",
        "requests.refused": "Requests for a replay that are none.",
        "answers.undelivered": "Answers that a subscriber did not take.",
        "segments.pruned": "Journal files removed for their age or for room.",
        "segments.damaged": "Journal files set aside because they are damaged.",
        "segments.unreadable": "Journal files that could not be opened.",
        # service
        "reloads.done": "Reloads of the configuration.",
        "reloads.refused": "Reloads refused; the configuration before stays.",
        "health_files.failed": "Health reports that could not be written.",
        "metrics.unavailable": "Attempts to open the metrics address that failed.",
        "scrapes.answered": "Requests for metrics answered.",
        "scrapes.failed": "Requests for metrics that got no answer.",
    }
)
