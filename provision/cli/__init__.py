"""The command line: verbs as a table, what was asked, how it is shown. It decides nothing."""
