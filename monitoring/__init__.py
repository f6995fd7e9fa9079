"""podfleet's watching side: whether pods federate. It imports nothing of provision."""
