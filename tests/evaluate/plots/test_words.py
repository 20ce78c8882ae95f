from html.parser import HTMLParser

import pytest

from netwright.evaluate.plots.words import Weighed, telling_words, weighed_texts


class Seen(HTMLParser):
    """Tags and text of well-formed markup."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def one(pieces: tuple[str, ...], weights: tuple[float, ...], **given: object) -> str:
    values = {"joint": " ", "above": "row 1"} | given
    return weighed_texts([Weighed(pieces=pieces, weights=weights, **values)])


def test_words_for_and_against_are_shaded():
    html = one(("good", "but", "<b>dull</b>"), (2.0, 0.01, -1.0), above="<i>row</i> 3", more=7)
    seen = Seen(html)
    assert "<b>" not in html and "<i>" not in html and "<b>dull</b>" in seen.words
    assert seen.tags.count("mark") == 2 and "--accent) 60%" in html and "--second) 30%" in html
    assert "good but" in seen.words and "7 more words" in seen.words and 'dir="auto"' in html
    assert "7 more letters" in Seen(one(("a",), (1.0,), joint="", more=7)).words


@pytest.mark.parametrize("weights", [(0.0, 0.0), (float("0"), -1e-300)])
def test_nothing_that_mattered(weights: tuple[float, float]):
    assert Seen(one(("a", "b"), weights)).words.endswith("a b")


def test_letters_and_empty_texts():
    assert Seen(one(tuple("خوري"), (0.1, 0.2, 0.3, 0.4), joint="")).words.endswith("خوري")
    assert Seen(one((), ())).words == "row 1"
    assert "x" * 61 not in one(("x" * 500,), (1.0,))


def test_the_words_of_each_class():
    html = telling_words([("<a>", ["good", "<script>"]), ("none", []), ("b", ["חרא"])])
    seen = Seen(html)
    assert "<script>" not in html and "<a>" not in html and "none" not in html
    assert seen.tags.count("tr") == 2 and "good" in seen.words and "חרא" in seen.words
    assert telling_words([("a", [])]) == ""
