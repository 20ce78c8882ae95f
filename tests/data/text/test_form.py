import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.core.forms import TextForm
from netwright.data.table import missing_series, series_of, table_of
from netwright.data.text.encode import encode_text, encode_texts, joined
from netwright.data.text.form import fit_text
from netwright.data.text.tokenizer import load_tokenizer, tokens_of

TEXTS = [f"question {i % 7} about {word}" for i in range(30) for word in ("cats", "dogs", "trees")]


def test_training_texts_alone_decide():
    form, notices = fit_text(TEXTS, ("q",))
    assert fit_text(list(TEXTS), ("q",))[0] == form and not notices
    assert TextForm.model_validate_json(form.model_dump_json()) == form
    longest = max(tokens_of(load_tokenizer(form.tokenizer), TEXTS, 100)[1])
    assert form.length == longest and len(form.grams) == len(form.rarity) > 0
    assert fit_text([*TEXTS, "unseen words"], ("q",))[0].rarity != form.rarity


def test_a_given_tokenizer_and_length_are_kept():
    first, _ = fit_text(TEXTS, ("q",))
    other, _ = fit_text(["quite other texts"] * 9, ("q",), tokenizer=first.tokenizer, length=512, grams=False)
    assert other.tokenizer == first.tokenizer and other.pieces == first.pieces
    assert other.length == 512 and other.grams == ()
    (tokens, numbers, weights), _, _ = encode_texts(other, ["one text"])
    assert numbers.shape == weights.shape == (1, 0) and tokens.shape[0] == 1


def test_few_very_long_texts_do_not_set_the_length():
    texts = [f"{word} " * 20 for word in ("red", "green", "blue", "black") * 60] + ["long " * 900]
    form, _ = fit_text(texts, ("q",))
    assert 64 <= form.length <= 100
    (tokens, _, _), (lengths, _, _), notices = encode_texts(form, texts, "here.csv")
    assert tokens.shape[1] == lengths.max() == form.length
    assert "1 of 241 texts of here.csv are longer" in notices[0].what and "row 241" in notices[0].what
    assert "--window" in notices[0].fix


def test_empty_texts_have_a_row_and_are_told():
    form, _ = fit_text(TEXTS, ("q", "more"))
    q = series_of("q", ["cats", "", " \t", None, "x"])
    table = table_of([q, missing_series("more", 5)], "t.csv")
    assert joined(table, ("q", "more")) == ["cats\n", "\n", " \t\n", "\n", "x\n"]
    (tokens, numbers, weights), (lengths, many, _), (notice,) = encode_text(form, table)
    assert lengths.min() == 1 and (tokens[:, 0] > 0).all() and np.isfinite(weights).all()
    assert many.tolist()[1:4] == [0, 0, 0] and (numbers[1] == 0).all()
    assert notice.what.startswith("3 of 5 rows of t.csv have no text (first: row 2)") and notice.column == "q"


def test_padding_is_told_apart_for_every_part():
    form, _ = fit_text(TEXTS, ("q",))
    parts, lengths, notices = encode_texts(form, ["cats", "question 3 about dogs", "cats"])
    assert not notices
    for part, length in zip(parts, lengths, strict=True):
        assert np.array_equal(part > 0, np.arange(part.shape[1]) < length[:, None])
        assert np.array_equal(part[0], part[2])


def test_too_many_n_grams_are_told_and_the_form_says_how_many_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netwright.data.text.ngrams.MOST_IN_ROW", 18)
    monkeypatch.setattr("netwright.data.text.ngrams.MOST_FED", 17 * len(TEXTS))
    form, _ = fit_text(TEXTS, ("q",))
    assert form.most_grams == 17
    (_, numbers, _), _, notices = encode_texts(form, TEXTS)
    assert numbers.shape[1] == 17 and "more than 17 known n-grams" in notices[0].what
    (_, alone, _), _, _ = encode_texts(form, TEXTS[:1])
    assert np.array_equal(alone[0], numbers[0]), "what a text is fed does not depend on the rows beside it"


def test_rows_are_called_what_the_source_calls_them(monkeypatch: pytest.MonkeyPatch):
    form, _ = fit_text(TEXTS, ("q",), length=16)
    monkeypatch.setattr("netwright.data.text.ngrams.LONGEST", 100)
    table = table_of([series_of("q", ["cats", "", "cats and " * 20])], "t.csv")
    _, _, notices = encode_text(form, table, np.array([11, 1012, 1033]))
    said = [notice.what for notice in notices]
    assert ["row 1,012" in said[0], "row 1,033" in said[1], "row 1,033" in said[2]] == [True] * 3
    _, _, notices = encode_text(form, table)
    assert "row 2)" in notices[0].what and "where the network can" in str(notices[1].fix)


def test_a_tokenizer_of_more_pieces_is_refused():
    form, _ = fit_text(TEXTS, ("q",))
    other = form.model_copy(update={"pieces": 200})
    with pytest.raises(ValueError, match="where there are 200 pieces"):
        encode_texts(other, TEXTS[:2])
    assert encode_texts(form.model_copy(update={"pieces": 0}), ["", " "])[1][0].tolist() == [1, 1]


def test_endless_texts_are_cut_and_told(monkeypatch: pytest.MonkeyPatch):
    form, _ = fit_text(TEXTS, ("q",))
    monkeypatch.setattr("netwright.data.text.ngrams.LONGEST", 40)
    (_, numbers, _), _, notices = encode_texts(form, ["cats", "cats " * 8 + "dogs"])
    assert "1 texts of table have more than 40 letters" in notices[-1].what and "row 2" in notices[-1].what
    assert np.array_equal(numbers[1], encode_texts(form, ["cats", "cats " * 8])[0][1][1])


def test_texts_that_are_all_empty_are_refused():
    with pytest.raises(InputError, match="no text to learn from"):
        fit_text(["", " "], ("q",))
