"""Two networks against each other: a generator draws, a discriminator tells the drawn from the real."""
