"""What stops a start. Raised by the embedded servers and the demo -> one sentence on the terminal."""


class CannotStart(Exception):
    """A part of the environment is missing or in the way; the text says what, and what to do."""
