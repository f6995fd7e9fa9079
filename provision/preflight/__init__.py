"""What must hold before a launch, asked of the DNS, the network and the hosts themselves."""
