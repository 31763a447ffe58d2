"""The few error families of trainmaster, told apart by what the caller should do next.

Lives here: the families. Never here: handling, logging, or a translation of one library's errors (that is done in the one
module that calls the library).
"""


class TrainmasterError(Exception):
    """Something a person can be told in one sentence; the base of everything this project raises on purpose."""


class InvalidError(TrainmasterError):
    """What was asked for is wrong and stays wrong until a person changes it: never retried."""


class NoSuchJobError(InvalidError):
    """The job that was named isn't there."""


class NoSuchFileError(InvalidError):
    """A file that was named isn't there, or may not be used."""


class CrowdedError(InvalidError):
    """A folder holds too much to be looked through."""


class UnavailableError(TrainmasterError):
    """The other side could not be asked (down, unreachable, too slow): nothing is known, try again later."""


class NoStoreError(UnavailableError):
    """There is no store where one was named: mistyped, not made yet, or gone."""


class NotDoneError(UnavailableError):
    """The same, and what was asked for has surely not been done: it wasn't heard, or the answer was to come again later."""


class RefusedError(TrainmasterError):
    """The other side answered, and its answer was no.

    `kind` is the other side's own name for the refusal: a Java exception class, or an HTTP status.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind.rsplit('.', 1)[-1]}: {message}")
        self.kind = kind
        self.message = message


class DeniedError(RefusedError):
    """Who we are, or who we speak for, may not do this."""


class FencedError(TrainmasterError):
    """Another controller has taken over: whatever was about to be done must not be done."""
