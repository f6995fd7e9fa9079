"""What is read of the pods of this host: databases, Redis, logs, units, files."""
