"""The one kind of error that users see as a message instead of a traceback."""


class DgError(Exception):
    """Bad input: the message names the file or key, what was expected and how to mend it."""
