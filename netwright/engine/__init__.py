"""Trains any module by its phases. Knows no family and no kind of data."""
