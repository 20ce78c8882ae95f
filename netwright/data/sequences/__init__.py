"""Sequences, each with an answer of its own: a row is some steps of some channels."""
