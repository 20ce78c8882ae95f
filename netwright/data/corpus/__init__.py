"""Texts to be continued: files of text, the tokens in them, and windows of those."""
