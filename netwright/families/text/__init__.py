"""Networks for texts: a wide linear branch on n-grams beside a deep one on pieces."""
