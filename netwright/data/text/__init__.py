"""Texts: which columns hold them, what is read of them, and how they become numbers."""
