"""What the cells of a column hold, and text read as that."""
