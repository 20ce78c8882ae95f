"""Small data sets that come with netwright, each with its origin and licence."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What a person needs to know before using a bundled data set."""

    rows: int
    columns: int
    """Columns, the target among them."""
    target: str
    """The column predicted where none is named."""
    licence: str
    origin: str
    about: str


def bundled_bytes(name: str) -> bytes:
    """The data set's file: CSV inside gzip."""
    return (files("netwright.data.sources") / "bundled_files" / f"{name}.csv.gz").read_bytes()


UCI = "UCI Machine Learning Repository, by way of scikit-learn"

DATASETS: dict[str, DatasetInfo] = {
    "breast_cancer": DatasetInfo(
        rows=569,
        columns=31,
        target="diagnosis",
        licence="CC BY 4.0",
        origin=f"Wolberg, Street & Mangasarian 1995: Breast Cancer Wisconsin (Diagnostic); {UCI}",
        about="malignant or benign, from measurements of cell nuclei",
    ),
    "diabetes": DatasetInfo(
        rows=442,
        columns=11,
        target="progression",
        licence="BSD-3-Clause, as part of scikit-learn",
        origin="Efron, Hastie, Johnstone & Tibshirani 2004: Least Angle Regression; from scikit-learn, unscaled",
        about="how far the disease went in a year, from ten measurements of a patient",
    ),
    "digits": DatasetInfo(
        rows=1797,
        columns=65,
        target="digit",
        licence="CC BY 4.0",
        origin=f"Alpaydin & Kaynak 1998: Optical Recognition of Handwritten Digits, test part; {UCI}",
        about="which digit, from 8×8 pixels of 0 to 16",
    ),
    "penguins": DatasetInfo(
        rows=344,
        columns=7,
        target="species",
        licence="CC0 1.0",
        origin="Gorman, Williams & Fraser 2014, Palmer Station LTER; palmerpenguins, in the form of seaborn-data",
        about="which species, from a penguin's measures, island and sex",
    ),
    "wine": DatasetInfo(
        rows=178,
        columns=14,
        target="cultivar",
        licence="CC BY 4.0",
        origin=f"Aeberhard & Forina 1992: Wine; {UCI}",
        about="which of three cultivars, from a chemical analysis",
    ),
}
"""By name, sorted."""
