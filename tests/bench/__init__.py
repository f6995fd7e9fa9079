"""What podfleet costs, measured beside what it is compared with; it fails nothing."""
