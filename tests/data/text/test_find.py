import numpy as np
import pytest

from netwright.data.table import Table, series_of, table_of
from netwright.data.text.find import find_texts

RANDOM = np.random.default_rng(0)
WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "ten", "sur", "pol") for b in ("ra", "nik", "dov", "sen", "li", "mo")]


def sentences(count: int, least: int, most: int) -> list[str]:
    return [" ".join(RANDOM.choice(WORDS, RANDOM.integers(least, most))) for _ in range(count)]


def table(**columns: list) -> Table:
    return table_of([series_of(name, values) for name, values in columns.items()], "t.csv")


ROWS = 200
CLASSES = [f"class {i % 3}" for i in range(ROWS)]
NUMBERS = [str(i * 7 % 31) for i in range(ROWS)]
NAMES = [f"{w.title()}{chr(97 + i % 26)}{chr(97 + i // 26)}" for i, w in enumerate(sentences(ROWS, 1, 2))]
IDS = [f"u{i * 7919 % 100_000:05d}" for i in range(ROWS)]


@pytest.mark.parametrize("sure", [False, True])
def test_a_table_about_text(sure: bool):
    for texts in (NAMES, sentences(ROWS, 2, 7), sentences(ROWS, 8, 40)):
        assert find_texts(table(text=texts, y=CLASSES), ["y"], [], sure=sure) == ("text",)
    reviews = table(review=sentences(ROWS, 5, 40), stars=NUMBERS, date=["2020-01-05"] * ROWS, user=IDS)
    assert find_texts(reviews, ["stars"], [], sure=sure) == ("review",)


def test_names_in_a_table_of_values_are_no_text():
    people = table(name=sentences(ROWS, 3, 5), age=NUMBERS, kind=CLASSES, y=CLASSES)
    assert find_texts(people, ["y"], [], sure=False) == ()
    assert find_texts(people, ["y"], [], sure=True) == ("name",)
    assert find_texts(people, ["y"], ["age", "kind"], sure=False) == ("name",)
    assert find_texts(people, ["y"], ["name"], sure=True) == ()


def test_a_name_says_that_a_column_is_text():
    short = sentences(ROWS, 3, 6)
    assert find_texts(table(review_text=short, n=NUMBERS, y=CLASSES), ["y"], [], sure=False) == ("review_text",)
    assert find_texts(table(name=short, n=NUMBERS, y=CLASSES), ["y"], [], sure=False) == ()


def test_what_is_no_text():
    links = [f"https://example.org/{name}" for name in NAMES]
    codes = [f"{name}{i}" for i, name in enumerate(NAMES)]
    for column in (links, codes, IDS, NUMBERS, CLASSES, ["2020-01-05"] * ROWS, [f"{n}.5" for n in NUMBERS]):
        assert find_texts(table(x=column, y=CLASSES), ["y"], [], sure=True) == ()
    assert find_texts(table(x=["", None, " "], y=CLASSES[:3]), ["y"], [], sure=True) == ()


def test_few_rows_are_enough_where_a_reader_of_texts_is_asked_for():
    for count in (1, 6, 19):
        few = table(x=NAMES[:count], y=CLASSES[:count])
        assert find_texts(few, ["y"], [], sure=True) == ("x",) and find_texts(few, ["y"], [], sure=False) == ()


def test_scripts_without_spaces():
    texts = ["".join(RANDOM.choice(list("天地人山水火木金土日月"), 15)) for _ in range(ROWS)]
    assert find_texts(table(x=texts, n=NUMBERS, y=CLASSES), ["y"], [], sure=False) == ("x",)


def test_all_columns_of_sentences_are_read():
    both = table(title=sentences(ROWS, 8, 12), body=sentences(ROWS, 20, 40), city=CLASSES, y=NUMBERS)
    assert find_texts(both, ["y"], [], sure=False) == ("title", "body")
