"""The folder on disk: everything a prediction needs, and nothing that can run code."""
