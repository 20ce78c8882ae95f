"""scikit-learn's manners, held against scikit-learn's own checks."""

import doctest
import os
import pickle
import subprocess
import sys
from copy import deepcopy
from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.exceptions import NotFittedError as TheirNotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator
from sklearn.utils.validation import check_is_fitted

import netwright as nw
from netwright.api import estimators
from netwright.api.learner import Learner
from netwright.core.errors import NotFittedError

QUICK = {"epochs": 25, "members": 2, "hidden_sizes": (32,), "learning_rate": 0.01}
KINDS = (nw.Classifier, nw.Regressor)
FOREIGN = "ignore:Estimator .* does not inherit from `sklearn.base.BaseEstimator`"


def checks() -> list:
    """Every check for both, by name; none is left out. Ours are made without scikit-learn's base classes on purpose."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = [pair for kind in KINDS for pair in estimator_checks_generator(kind(**QUICK))]
    return [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{estimator_checks._check_name(check)}-{number}")
        for number, (estimator, check) in enumerate(pairs)
    ]


@pytest.mark.filterwarnings(FOREIGN)
@pytest.mark.parametrize(("estimator", "check"), checks())
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_columns_are_held_to(kind):
    estimator_checks.check_dataframe_column_names_consistency(kind.__name__, kind(**QUICK))


def test_several_labels():
    estimator_checks.check_classifier_multioutput("Classifier", nw.Classifier(**QUICK))


@pytest.mark.slow
@pytest.mark.filterwarnings(FOREIGN)
@pytest.mark.parametrize("categorical", [True, False], ids=["whole numbers", "any numbers"])
@pytest.mark.parametrize("kind", KINDS)
def test_check_estimator_with_default_settings(kind, categorical, monkeypatch):
    """The tag `categorical` makes the checks round their numbers; they pass without that too."""
    ours = Learner.__sklearn_tags__

    def tags(self: Learner) -> object:
        found = ours(self)
        found.input_tags.categorical = categorical
        return found

    monkeypatch.setattr(Learner, "__sklearn_tags__", tags)
    results = check_estimator(kind(), on_skip=None)
    assert {result["status"] for result in results} <= {"passed", "skipped"}


def test_array_api_check_is_not_skipped():
    code = (
        "import netwright as nw\n"
        "from sklearn.utils.estimator_checks import check_array_api_input as check\n"
        f"for kind in (nw.Classifier, nw.Regressor): check(kind.__name__, kind(**{QUICK!r}), 'numpy',"
        " expect_only_array_outputs=False)"
    )
    assert run(code, SCIPY_ARRAY_API="1") == ""


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_works_without_scikit_learn():
    code = (
        "import sys\n"
        "sys.modules['sklearn'] = sys.modules['scipy'] = None  # as if they were not installed\n"
        "import numpy as np, netwright as nw\n"
        "x = np.random.default_rng(0).normal(size=(40, 3))\n"
        f"quick = {QUICK!r}\n"
        "try: nw.Classifier().predict(x)\n"
        "except AttributeError as error: assert isinstance(error, nw.NetwrightError)\n"
        "assert nw.Classifier(**quick).fit(x, x[:, 0] > 0).score(x, x[:, 0] > 0) > 0.7\n"
        "assert nw.Regressor(**quick).fit(x, x[:, 0]).score(x, x[:, 0]) > 0.5\n"
        "assert sys.modules['sklearn'] is None\n"
        "print(nw.Regressor(epochs=3))"
    )
    assert run(code) == "Regressor(epochs=3)\n"


def test_examples_in_the_documentation_run():
    assert doctest.testmod(estimators) == (0, 2)


# ---------------------------------------------------------------- scikit-learn's tools


def test_tags_and_kinds():
    assert is_classifier(nw.Classifier()) and is_regressor(nw.Regressor())
    tags = nw.Regressor().__sklearn_tags__()
    assert tags.input_tags.allow_nan and tags.input_tags.categorical and tags.target_tags.multi_output
    assert not hasattr(nw.Regressor(), "predict_proba")


def test_grid_search_pipeline_and_cross_validation():
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), nw.Classifier(**QUICK))
    search = GridSearchCV(pipeline, {"classifier__hidden_sizes": [(8,), (16, 16)]}, cv=2).fit(x, y)
    assert search.best_score_ > 0.8 and search.predict_proba(x).shape == (150, 3)
    assert "Classifier" in repr(pipeline) and "Classifier" in search._repr_html_()
    scores = cross_val_score(nw.Classifier(**QUICK), x, y == 2, cv=2, scoring="roc_auc")
    assert scores.min() > 0.8


def test_parameters():
    network = nw.Classifier(epochs=3, class_weight={0: 1.0})
    assert network.get_params()["class_weight"] is network.class_weight
    assert "class_weight" not in nw.Regressor().get_params()
    assert repr(clone(network).set_params(epochs=4, device="cpu")) == (
        "Classifier(class_weight={0: 1.0}, device='cpu', epochs=4)"
    )
    with pytest.raises(nw.InputError, match="Invalid parameter 'epoch' for estimator Classifier"):
        network.set_params(epoch=3)


def test_copies_predict_the_same():
    x, y = load_iris(return_X_y=True)
    network = nw.Classifier(**QUICK).fit(x, y)
    expected = network.predict_proba(x)
    for copy in (pickle.loads(pickle.dumps(network)), deepcopy(network)):
        np.testing.assert_array_equal(copy.predict_proba(x), expected)
    with pytest.raises(NotFittedError):
        clone(network).predict(x)


def test_not_fitted_is_also_their_error_and_travels():
    with pytest.raises(TheirNotFittedError, match="Regressor instance is not fitted yet") as caught:
        nw.Regressor().predict([[1.0]])
    assert isinstance(caught.value, NotFittedError | nw.NetwrightError)
    travelled = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(travelled, TheirNotFittedError) and str(travelled) == str(caught.value)
    with pytest.raises(TheirNotFittedError):
        check_is_fitted(nw.Regressor())


# ---------------------------------------------------------------- the same seed, the same bits


def test_random_state():
    x, y = (values[::3] for values in load_iris(return_X_y=True))

    def outcome(state: object) -> np.ndarray:
        return nw.Classifier(**QUICK, random_state=state).fit(x, y).predict_proba(x)

    np.testing.assert_array_equal(outcome(3), outcome(3))
    assert not np.array_equal(outcome(3), outcome(4))
    np.testing.assert_array_equal(outcome(np.random.RandomState(5)), outcome(np.random.RandomState(5)))
    np.random.seed(0)
    first = outcome(None)
    assert not np.array_equal(first, outcome(None))
    np.random.seed(0)
    np.testing.assert_array_equal(first, outcome(None))
    with pytest.raises(nw.InputError, match="cannot be used to seed"):
        outcome("seven")


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize(
    "labels",
    [["no", "yes", "perhaps"], [10, 20, 30], [-1.0, 0.0, 7.0], [False, True]],
    ids=["text", "integers", "floats", "booleans"],
)
@pytest.mark.parametrize("make", [np.asarray, list, pd.Series, pl.Series, lambda y: np.asarray(y, dtype=object)])
def test_labels_of_any_type(labels, make):
    x = np.repeat(np.eye(len(labels)), 12, axis=0)
    y = make([label for label in labels for _ in range(12)])
    network = nw.Classifier(**QUICK).fit(x, y)
    assert network.classes_.tolist() == sorted(labels)
    assert network.predict(x).tolist() == list(y)
    assert network.score(x, y) == 1.0
    answers = network.predictor_.predict(x)
    assert answers.tolist() == list(y) and type(answers[0].item() if answers.dtype != object else answers[0])


def test_multilabel():
    x, y = make_multilabel_classification(80, 5, n_classes=3, random_state=0)
    network = nw.Classifier(**QUICK).fit(x, y)
    assert network.classes_.tolist() == [0, 1, 2]
    assert network.predict_proba(x).shape == (80, 3)
    assert network.score(x, y) == accuracy_score(y, network.predict(x))
    again = nw.Classifier(**QUICK).fit(x, sparse.csr_array(y))
    np.testing.assert_array_equal(again.predict_proba(x), network.predict_proba(x))


def test_several_targets_and_scores_as_scikit_learn_counts_them():
    x = np.random.default_rng(0).normal(size=(60, 3))
    y, weights = np.stack([x[:, 0], 100 * x[:, 1]], axis=1), np.linspace(0, 1, 60)
    network = nw.Regressor(**QUICK).fit(x, y)
    assert network.predict(x).shape == (60, 2) and network.predict(x).dtype == np.float64
    assert network.score(x, y) == pytest.approx(r2_score(y, network.predict(x)))
    assert network.score(x, y, weights) == pytest.approx(r2_score(y, network.predict(x), sample_weight=weights))
    sign = nw.Classifier(**QUICK).fit(x, x[:, 0] > 0)
    expected = accuracy_score(x[:, 0] > 0, sign.predict(x), sample_weight=weights)
    assert sign.score(x, x[:, 0] > 0, weights) == pytest.approx(expected)
    with pytest.raises(nw.InputError, match="sample_weight does not fit"):
        network.score(x, y, weights[:-1])


def test_a_column_of_targets_is_flattened_with_a_warning():
    x = np.arange(40.0).reshape(-1, 1)
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        network = nw.Regressor(**QUICK).fit(x, x)
    assert network.predict(x).shape == (40,)


def test_class_weights():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 2)), rng.random(200) < 0.15
    shares = [
        nw.Classifier(**QUICK, class_weight=weight).fit(x, y).predict(x).mean()
        for weight in (None, "balanced", {True: 1000, False: 0.001})
    ]
    assert shares[0] < shares[1] < shares[2] and shares[2] > 0.9
    for wrong in ("even", {"maybe": 2}, {True: -1}, 3):
        with pytest.raises(nw.InputError, match="class_weight does not fit"):
            nw.Classifier(**QUICK, class_weight=wrong).fit(x, y)


@pytest.mark.parametrize(
    ("kind", "y", "words"),
    [
        (nw.Classifier, np.linspace(0, 1, 20), "continuous"),
        (nw.Classifier, ["a", 1] * 10, None),
        (nw.Classifier, np.asarray(["a", 1] * 10, dtype=object), "can't be compared"),
        (nw.Classifier, ["a"] * 20, "one class"),
        (nw.Classifier, [[1, 2]] * 20, "multiclass-multioutput"),
        (nw.Classifier, ["a", None] * 10, "NaN"),
        (nw.Regressor, np.full(20, np.nan), "NaN"),
        (nw.Regressor, np.asarray([np.inf] * 20, dtype=object), "infinity"),
        (nw.Regressor, ["a"] * 20, "does not hold numbers"),
        (nw.Regressor, np.zeros((20, 2, 2)), "1d array"),
        (nw.Regressor, np.zeros(19), r"inconsistent numbers of samples: \[20, 19\]"),
        (nw.Regressor, [[1.0], [1.0, 2.0]] * 10, "can't be read as an array"),
        (nw.Regressor, np.zeros(20) * 1j, "Complex data not supported"),
        (nw.Regressor, None, "requires y to be passed"),
    ],
)
def test_targets_that_do_not_fit(kind, y, words):
    x = np.arange(20.0).reshape(-1, 1)
    if words is None:
        assert kind(**QUICK).fit(x, y).classes_.tolist() == ["1", "a"]
        return
    with pytest.raises(nw.NetwrightError, match=words) as caught:
        kind(**QUICK).fit(x, y)
    assert isinstance(caught.value, ValueError | TypeError)


# ---------------------------------------------------------------- features


def columns() -> tuple[dict[str, list], np.ndarray]:
    """Strings, categories, dates, numbers and gaps; and a target that follows from them."""
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], 120).tolist()
    size = rng.normal(size=120).round(2).tolist()
    target = np.asarray([(c == "red") + s for c, s in zip(colour, size, strict=True)])
    colour[3] = None
    size[5] = None
    days = [date(2024, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 300, 120)]
    return {"colour": colour, "size": size, "day": days, "code": rng.integers(1, 4, 120).tolist()}, target


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, dict], ids=["pandas", "polars", "dict"])
def test_frames_with_texts_dates_and_gaps(make):
    values, target = columns()
    x = make(values)
    network = nw.Regressor(**QUICK | {"epochs": 80}).fit(x, target)
    assert network.score(x, target) > 0.9
    assert network.feature_names_in_.tolist() == list(values) and network.n_features_in_ == 4
    again = nw.Regressor(**QUICK | {"epochs": 80}).fit(pl.DataFrame(values), target)
    np.testing.assert_allclose(again.predict(pl.DataFrame(values)), network.predict(x), atol=1e-6)
    new = make(values | {"colour": ["violet"] * 120})
    with pytest.warns(nw.NetwrightWarning, match="never saw"):
        network.predict(new)


def test_categories_of_frames_and_kinds_asked_for():
    values, target = columns()
    frame = pd.DataFrame(values).astype({"code": "category"})
    kinds = {c.name: c.kind for c in nw.Regressor(**QUICK).fit(frame, target).predictor_.schema.columns}
    assert kinds == {"colour": "category", "size": "number", "day": "datetime", "code": "category"}
    asked = nw.Regressor(**QUICK, kinds={"x1": "category"}).fit(np.tile([[1.5, 2], [3, 4], [5, 6]], (10, 1)), range(30))
    assert [c.kind for c in asked.predictor_.schema.columns] == ["number", "category"]


def test_rows_of_mixed_cells():
    rows = [[1.0, "a", True], [2.0, "b", False], [None, "a", True]] * 10
    network = nw.Classifier(**QUICK).fit(rows, ["p", "q", "p"] * 10)
    assert network.score(rows, ["p", "q", "p"] * 10) == 1.0
    assert [c.kind for c in network.predictor_.schema.columns] == ["number", "boolean", "boolean"]


def test_numbers_are_numbers_whatever_they_look_like():
    rows = np.arange(30)
    x = np.stack([rows, np.full(30, 7), rows * np.nan], axis=1)
    network = nw.Regressor(**QUICK).fit(x, rows)
    assert [c.kind for c in network.predictor_.schema.columns] == ["number", "constant", "constant"]
    constant = nw.Regressor(**QUICK).fit(x[:, 1:], rows)
    assert np.ptp(constant.predict(x[:, 1:])) == 0
    masked = np.ma.masked_array(x[:, :1], mask=x[:, :1] == 4)
    assert nw.Regressor(**QUICK).fit(masked, rows).predictor_.schema.columns[0].missing == 1


def test_infinities_and_gaps_are_taken():
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = x[:, 0].copy()
    x[0], x[1], x[2] = np.inf, -np.inf, np.nan
    assert np.isfinite(nw.Regressor(**QUICK).fit(x, y).predict(x)).all()


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (np.zeros(20), nw.InputError, "Expected 2D array, got 1D array instead. Reshape your data"),
        (pd.Series(range(20)), nw.InputError, "Reshape your data"),
        (np.zeros((20, 2, 2)), nw.InputError, "got 3D array"),
        (np.zeros((0, 2)), nw.InputError, r"0 sample\(s\)"),
        (pd.DataFrame(index=range(20)), nw.InputError, r"0 feature\(s\)"),
        (sparse.csr_array(np.eye(20)), nw.InputTypeError, "sparse"),
        (np.ones((20, 1)) * 1j, nw.InputError, "Complex data not supported"),
        (np.asarray([[{"a": 1}]] * 20), nw.InputTypeError, "argument must be a string or a number"),
        ([[1.0], [1.0, 2.0]] * 10, nw.InputError, "can't be read as an array"),
        ("titanic.csv", nw.InputError, "got 0D array"),
    ],
)
def test_features_that_do_not_fit(x, error, words):
    with pytest.raises(error, match=words):
        nw.Regressor(**QUICK).fit(x, np.arange(20))


def test_names_on_one_side_only_are_told():
    x = np.random.default_rng(0).normal(size=(30, 2))
    frame = pd.DataFrame(x, columns=["a", "b"])
    with pytest.warns(nw.NetwrightWarning, match="X does not have valid feature names"):
        expected = nw.Regressor(**QUICK).fit(frame, x[:, 0]).predict(x)
    network = nw.Regressor(**QUICK).fit(x, x[:, 0])
    with pytest.warns(nw.NetwrightWarning, match="fitted without feature names"):
        np.testing.assert_array_equal(network.predict(frame), expected)
    assert not hasattr(network.fit(frame, x[:, 0]).fit(x, x[:, 0]), "feature_names_in_")
    with pytest.raises(nw.InputError, match="X has 1 features, but Regressor is expecting 2 features as input"):
        network.predict(x[:, :1])
    assert network.fit(pd.DataFrame({"target": x[:, 0], "target_": x[:, 1]}), x[:, 0]).n_features_in_ == 2


# ---------------------------------------------------------------- parameters that do not fit


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"family": "forest"}, "no family called 'forest'"),
        ({"family": 3}, "parameter family of Regressor"),
        ({"epochs": 0}, "epochs = 0"),
        ({"members": 0}, "members = 0"),
        ({"batch_size": "many"}, "batch_size = 'many'"),
        ({"hidden_sizes": (16, 0)}, "hidden_sizes = 0"),
        ({"learning_rate": -1.0}, "learning_rate = -1.0"),
        ({"dropout": 2.0}, "dropout = 2.0"),
        ({"family": "linear", "epochs": 3}, "does not take this setting"),
        ({"time_limit": 0}, "parameter time_limit"),
        ({"kinds": 3}, "parameter kinds"),
        ({"kinds": {"x70": "number"}}, "no column called 'x70'"),
        ({"device": "abacus"}, "device 'abacus'"),
    ],
)
def test_parameters_that_do_not_fit(parameters, words):
    with pytest.raises(nw.InputError, match=words):
        nw.Regressor(**parameters).fit(np.eye(20), np.arange(20))


@pytest.mark.parametrize("family", ["linear", "mlp", "tabular"])
def test_every_family(family):
    x = np.random.default_rng(0).normal(size=(80, 3))
    network = nw.Regressor(family=family, time_limit=20).fit(x, x[:, 0])
    assert network.score(x, x[:, 0]) > 0.8
    assert network.n_iter_ == len(network.history_) and (network.n_iter_ > 0) == (family != "linear")


def test_time_limit_stops():
    x = np.random.default_rng(0).normal(size=(200, 3))
    network = nw.Regressor(epochs=100_000, patience=100_000, time_limit=1.0).fit(x, x[:, 0])
    assert 0 < network.n_iter_ < 100_000
