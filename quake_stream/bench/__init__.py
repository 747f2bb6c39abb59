"""How fast the feed is on this machine; measures through the parts that the service itself uses."""
