"""The exceptions of the package. They are Python's own classes, because one of them has two bases."""


class Error(Exception):
    """What this package raises of its own. Wrong types and values of arguments are TypeError and ValueError."""

    __module__ = "rapsheet"


class SnapshotError(Error):
    """A snapshot is missing, damaged, or of another version. The message names the file, the place and the remedy."""

    __module__ = "rapsheet"


class IndicatorError(Error, ValueError):
    """A text is no address, prefix, range, name or URL."""

    __module__ = "rapsheet"

    def __init__(self, input: str, reason: str, about: str = "") -> None:
        super().__init__(input, reason, about)
        #: The text as it was given.
        self.input = input
        #: The word that the command line prints for it, such as "leading-zero".
        self.reason = reason
        #: One sentence that explains the word.
        self.about = about

    def __str__(self) -> str:
        text = self.input if len(self.input) <= 200 else self.input[:200] + "..."
        return f"{text}: {self.reason}: {self.about}"

    def __repr__(self) -> str:
        return f"IndicatorError({self.input!r}, {self.reason!r})"


class SnapshotWarning(UserWarning):
    """A snapshot that is followed was replaced by a file that was refused; the previous one goes on answering."""

    __module__ = "rapsheet"
