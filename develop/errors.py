"""The one error of the development kit that a person is meant to read. No other module defines another."""


class DevelopError(Exception):
    """Something a person can mend: the message says what, where and how. Shown without a traceback."""
