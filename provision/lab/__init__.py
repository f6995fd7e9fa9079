"""Throw-away hosts on this machine: guests, their network, names, ACME server and packages."""
