"""The run-time type checker of the tests: an int is a float, as static checkers have it."""

from beartype import BeartypeConf, beartype

numeric = beartype(conf=BeartypeConf(is_pep484_tower=True))
