"""One tree of errors. Each says what is wrong, what came, what was wanted, and what to do now."""

import sys
from typing import Self


class NetwrightError(Exception):
    """Something a person can mend.

    `what` is one sentence; `got` is what came (file, row, column, value, shape); `wanted` is what would have been
    right; `fix` is what to do now, with the real name of the option. All four are shown.
    """

    def __init__(self, what: str, *, got: object, wanted: object, fix: str) -> None:
        self.what, self.got, self.wanted, self.fix = what, str(got), str(wanted), fix
        super().__init__(f"{what}\n  got:    {self.got}\n  wanted: {self.wanted}\n  fix:    {fix}")

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.what, self.got, self.wanted, self.fix)


class InputError(NetwrightError, ValueError):
    """Data or an option has a wrong value. The command line ends with status 2."""


class InputTypeError(NetwrightError, TypeError):
    """Data or an option is of a wrong type. The command line ends with status 2."""


class ArtifactError(NetwrightError, ValueError):
    """A saved folder is damaged, incomplete, hostile or of another version. Nothing of it was loaded."""


class TrainingError(NetwrightError, RuntimeError):
    """Training can't go on: a loss is not finite, or a run folder can't be used. The last good state is kept."""


class NotFittedError(NetwrightError, ValueError, AttributeError):
    """An estimator is used before `fit`. Where scikit-learn is imported it is also scikit-learn's own error."""

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Of a class that is also scikit-learn's, if there is one."""
        other = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
        joined = type(cls.__name__, (cls, other), {}) if other and not issubclass(cls, other) else cls
        return super().__new__(joined)

    def __reduce__(self) -> tuple:
        return _rebuild, (NotFittedError, self.what, self.got, self.wanted, self.fix)


def _rebuild(kind: type[NetwrightError], what: str, got: str, wanted: str, fix: str) -> NetwrightError:
    return kind(what, got=got, wanted=wanted, fix=fix)
