"""All four parts of an error are shown, and an error crosses process borders whole."""

import pickle
import subprocess
import sys

import pytest

from netwright.core import errors
from netwright.core.errors import InputError, NetwrightError, NotFittedError

KINDS = ["ArtifactError", "InputError", "InputTypeError", "NetwrightError", "NotFittedError", "TrainingError"]


@pytest.mark.parametrize("name", KINDS)
def test_all_is_shown_and_survives_pickling(name: str):
    kind = getattr(errors, name)
    error = kind("It broke.", got=3, wanted=(1, 2), fix="Mend it with --mend.")
    again = pickle.loads(pickle.dumps(error))
    for one in (error, again):
        assert isinstance(one, kind) and isinstance(one, NetwrightError)
        assert str(one).splitlines() == [
            "It broke.",
            "  got:    3",
            "  wanted: (1, 2)",
            "  fix:    Mend it with --mend.",
        ]
        assert (one.what, one.got, one.wanted, one.fix) == ("It broke.", "3", "(1, 2)", "Mend it with --mend.")


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("InputError", ValueError),
        ("InputTypeError", TypeError),
        ("ArtifactError", ValueError),
        ("TrainingError", RuntimeError),
        ("NotFittedError", ValueError),
        ("NotFittedError", AttributeError),
    ],
)
def test_each_is_also_what_python_would_raise(name: str, builtin: type[Exception]):
    assert issubclass(getattr(errors, name), builtin)


def test_a_fix_must_be_given():
    with pytest.raises(TypeError):
        InputError("It broke.", got=1, wanted=2)  # type: ignore[call-arg]


def test_not_fitted_is_sklearns_own_where_sklearn_is_there():
    from sklearn.exceptions import NotFittedError as Theirs

    error = NotFittedError("Not yet.", got="no fit", wanted="fit", fix="Call fit.")
    assert isinstance(error, Theirs) and isinstance(error, NotFittedError)
    assert isinstance(pickle.loads(pickle.dumps(error)), Theirs)


def test_not_fitted_works_without_sklearn():
    code = (
        "import sys, pickle\n"
        "from netwright.core.errors import NotFittedError\n"
        "error = NotFittedError('Not yet.', got='no fit', wanted='fit', fix='Call fit.')\n"
        "assert type(pickle.loads(pickle.dumps(error))) is NotFittedError\n"
        "assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
