"""The checks themselves, one function each, run by pytest with testinfra on every host and pod."""
