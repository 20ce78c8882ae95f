"""What `nw.Classifier` and `nw.Regressor` share: from X and y through the stations of `nw.train` to a `Predictor`.

N rows, F features, T targets.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import ValidationError

from netwright.api.arraylike import Features, read_features, renamed
from netwright.api.fitting import configure, fit
from netwright.api.parameters import Parameters
from netwright.api.rows import Sources, gather
from netwright.api.session import nobody
from netwright.api.stopping import Stop
from netwright.artifact.predictor import Predictor
from netwright.core.errors import InputError, NotFittedError
from netwright.core.notice import NetwrightWarning, Notice
from netwright.core.settings import Settings
from netwright.core.steps import EpochRecord
from netwright.families.registry import find
from netwright.tasks import Task

DIALS = (
    "epochs",
    "patience",
    "batch_size",
    "learning_rate",
    "hidden_sizes",
    "dropout",
    "weight_decay",
    "members",
)
"""Parameters that are settings of the family; None leaves them to it."""


class Learner(Parameters):
    """Parameters, and what becomes of them when X and y are there."""

    estimator_type: ClassVar[Literal["classifier", "regressor"]]
    predictor_: Predictor
    n_features_in_: int
    n_iter_: int
    history_: tuple[EpochRecord, ...]
    notices_: tuple[Notice, ...]
    feature_names_in_: np.ndarray

    def __init__(
        self,
        *,
        family: str = "tabular",
        epochs: int | None = None,
        patience: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        hidden_sizes: Sequence[int] | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        members: int | None = None,
        kinds: Mapping[str, str] | None = None,
        time_limit: float | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "auto",
    ) -> None:
        self.family = family
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.hidden_sizes = hidden_sizes
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.members = members
        self.kinds = kinds
        self.time_limit = time_limit
        self.random_state = random_state
        self.device = device

    def _train(
        self, features: Features, target: np.ndarray, task: str, complete: Callable[[Task], Task] = lambda task: task
    ) -> None:
        """Fit on the features and the target (N,) or (N, T), and set the attributes that tell of it.

        `complete` adds to the task what the table does not tell.
        """
        values = target.reshape(len(target), -1)
        names = _free_names(values.shape[1], features.table.columns)
        table = features.table.with_columns({name: values[:, i] for i, name in enumerate(names)})
        settings = self._settings(names, task, features.kinds)
        family = find(self.family)
        stop = Stop(deadline=time.monotonic() + (settings.time_limit or float("inf")))
        rows = gather(Sources(training=table), settings, family)
        rows = replace(rows, task=complete(rows.task))
        fitted = fit(rows, family, configure(family, rows, settings.config), settings, stop=stop, watch=nobody)
        self.predictor_ = Predictor(fitted.module.cpu().double(), rows.task, rows.schema)
        self.n_features_in_ = len(features.table.columns)
        self.n_iter_ = len(fitted.history)
        self.history_, self.notices_ = fitted.history, rows.notices
        vars(self).pop("feature_names_in_", None)
        if features.names is not None:
            self.feature_names_in_ = np.asarray(features.names, dtype=object)

    def _settings(self, targets: tuple[str, ...], task: str, kinds: dict[str, str]) -> Settings:
        given = {name: getattr(self, name) for name in DIALS}
        asked = {} if self.kinds is None else self.kinds
        try:
            return Settings(
                source="table",
                target=targets,
                task=task,
                family=self.family,
                config={name: value for name, value in given.items() if value is not None},
                seed=_seed(self.random_state),
                time_limit=self.time_limit,
                test_share=0.0,
                kinds=kinds | dict(asked) if isinstance(asked, Mapping) else asked,  # type: ignore[arg-type]
                device=self.device,
            )
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise InputError(
                f"The parameter {name} of {type(self).__name__} is not valid.",
                got=f"{name}={first.get('input')!r}",
                wanted=first["msg"],
                fix=f"Change it with set_params({name}=…), or leave it out.",
            ) from None

    def _predictions(self, x: Any) -> np.ndarray:
        """The task's predictions for X, in float64. Raises NotFittedError, and InputError for other columns."""
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet.",
                got="no network",
                wanted="a call of fit before this one",
                fix="fit(X, y).",
            )
        features = read_features(x)
        self._check_features(features)
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
        table = renamed(features.table, list(names))
        predictions, notices = self.predictor_.predictions(table, dtype=torch.float64)
        for notice in notices:
            warnings.warn(str(notice), NetwrightWarning, stacklevel=3)
        return predictions

    def _check_features(self, features: Features) -> None:
        known = getattr(self, "feature_names_in_", None)
        own = type(self).__name__
        if known is not None and features.names is not None:
            _check_names(list(known), list(features.names))
        elif known is not None:
            what = f"X does not have valid feature names, but {own} was fitted with feature names"
            warnings.warn(what, NetwrightWarning, stacklevel=4)
        elif features.names is not None:
            what = f"X has feature names, but {own} was fitted without feature names"
            warnings.warn(what, NetwrightWarning, stacklevel=4)
        count = len(features.table.columns)
        if count != self.n_features_in_:
            raise InputError(
                f"X has {count} features, but {own} is expecting {self.n_features_in_} features as input.",
                got=f"{count} columns",
                wanted=f"{self.n_features_in_} columns",
                fix="Give the columns that fit was given, or fit again.",
            )

    def __sklearn_is_fitted__(self) -> bool:
        return "predictor_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator: it takes missing values and categories, and needs a target.

        The tag `string` stays False, as with scikit-learn's own encoders: cells may be texts, but not any object.
        """
        import sklearn.utils

        utils: Any = sklearn.utils
        classifies = self.estimator_type == "classifier"
        return utils.Tags(
            estimator_type=self.estimator_type,
            target_tags=utils.TargetTags(required=True, multi_output=not classifies),
            classifier_tags=utils.ClassifierTags(multi_label=True) if classifies else None,
            regressor_tags=None if classifies else utils.RegressorTags(),
            input_tags=utils.InputTags(allow_nan=True, categorical=True),
        )


def _check_names(known: list[str], given: list[str]) -> None:
    """Raise InputError, in scikit-learn's words, where names or their order differ."""
    if known == given:
        return
    parts = ["The feature names should match those that were passed during fit."]
    for title, names in (
        ("Feature names unseen at fit time:", sorted(set(given) - set(known))),
        ("Feature names seen at fit time, yet now missing:", sorted(set(known) - set(given))),
    ):
        parts += [title, *(f"- {name}" for name in names[:5]), *(["- ..."] if len(names) > 5 else [])] if names else []
    if len(parts) == 1:
        parts.append("Feature names must be in the same order as they were in fit.")
    raise InputError(
        "\n".join(parts) + "\n",
        got=", ".join(given[:20]),
        wanted=", ".join(known[:20]),
        fix="Give the columns that fit was given, in their order: X[estimator.feature_names_in_].",
    )


def _free_names(count: int, taken: Sequence[str]) -> tuple[str, ...]:
    """Names for the target columns that no column of X has."""
    stem = "target"
    while any(name.startswith(stem) for name in taken):
        stem += "_"
    return (stem,) if count == 1 else tuple(f"{stem}{i}" for i in range(count))


def _seed(random_state: object) -> int:
    """The seed of a run: the int itself, or one drawn from a RandomState, of NumPy's global one for None."""
    if isinstance(random_state, Integral) and int(random_state) >= 0:
        return int(random_state)
    if random_state is None:
        return int(np.random.randint(2**31 - 1))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    raise InputError(
        f"{random_state!r:.80} cannot be used to seed a network.",
        got=type(random_state).__name__,
        wanted="an int from 0 on, None or a numpy.random.RandomState",
        fix="For example random_state=0.",
    )
