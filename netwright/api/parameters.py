"""scikit-learn's manners for parameters: keyword arguments, stored untouched, listed, changed and shown."""

from inspect import signature
from typing import Self

from netwright.core.errors import InputError


class Parameters:
    """Has what its `__init__` takes as attributes of the same names, so that scikit-learn can copy and search it."""

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """The parameters by name. `deep` is there for scikit-learn: nothing is nested here."""
        return {name: getattr(self, name) for name in _defaults(type(self))}

    def set_params(self, **params: object) -> Self:
        """Change parameters; nothing is checked before `fit`. Raises InputError for a name that does not exist."""
        known = _defaults(type(self))
        for name in params:
            if name not in known:
                raise InputError(
                    f"Invalid parameter {name!r} for estimator {self!r}.",
                    got=name,
                    wanted=f"Valid parameters are: {list(known)!r}.",
                    fix="Correct the name.",
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in _defaults(type(self)).items()
            if repr(getattr(self, name)) != repr(default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


def _defaults(kind: type) -> dict[str, object]:
    """The parameters of a class and their defaults, sorted by name."""
    parameters = signature(kind).parameters
    return {name: parameters[name].default for name in sorted(parameters)}
