"""What stands between layers: a function of each number, or of each row."""
