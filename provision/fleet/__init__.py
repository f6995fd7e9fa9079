"""The fleet file: what it may say, how it is read, and the secrets beside it."""
