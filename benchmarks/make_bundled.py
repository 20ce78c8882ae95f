"""Write the bundled data sets anew: `python benchmarks/make_bundled.py PENGUINS.csv`.

The penguins come from a CSV given by path (seaborn-data's form of palmerpenguins, CC0); the others from scikit-learn's
loaders. The files come out the same to the byte: gzip's time stamp is zero.
"""

import csv
import gzip
import io
import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

FOLDER = Path(__file__).parents[1] / "netwright" / "data" / "sources" / "bundled_files"


def write(name: str, header: list[str], rows: list[list]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    data = gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)
    (FOLDER / f"{name}.csv.gz").write_bytes(data)
    print(f"{name}: {len(rows)} rows, {len(header)} columns, {len(data):,} bytes")


def number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(float(value))


def from_sklearn(name: str, bunch: object, target: str, names: list[str] | None) -> None:
    header = [str(feature).replace(" ", "_").replace("/", "_") for feature in bunch.feature_names]
    rows = [
        [*map(number, row), names[int(y)] if names else number(y)]
        for row, y in zip(bunch.data, bunch.target, strict=True)
    ]
    write(name, [*header, target], rows)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with Path(sys.argv[1]).open(newline="") as file:
        header, *rows = csv.reader(file)
    # palmerpenguins writes the sexes in lower case; seaborn-data in capitals.
    write("penguins", header, [[*row[:-1], row[-1].lower()] for row in rows])
    from_sklearn("digits", load_digits(), "digit", None)
    from_sklearn("wine", load_wine(), "cultivar", [f"class_{i}" for i in range(3)])
    from_sklearn("breast_cancer", load_breast_cancer(), "diagnosis", ["malignant", "benign"])
    from_sklearn("diabetes", load_diabetes(scaled=False), "progression", None)


if __name__ == "__main__":
    main()
