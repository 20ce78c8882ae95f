"""Networks that see a sequence as a whole, and what several of them share."""
