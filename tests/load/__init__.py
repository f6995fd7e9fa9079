"""An independent client: a process that knows of a pod no more than any user does.

Its address, its certificate authorities and an account's token; nothing of podfleet's own code.
"""
