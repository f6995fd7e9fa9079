"""The fleet's own pods, looked at from outside by their public names."""
