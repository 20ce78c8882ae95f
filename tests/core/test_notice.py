"""A notice in words."""

from netwright.core.notice import Notice


def test_the_mend_follows_the_notice():
    assert str(Notice(what="it is odd")) == "it is odd"
    assert str(Notice(what="it is odd", fix="--even")) == "it is odd (--even)"
