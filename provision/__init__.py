"""podfleet's provisioning side: from a fleet file to pods that federate."""
