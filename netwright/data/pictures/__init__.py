"""From anything that holds pictures to pixels: an `Album` of pictures not decoded yet, its size, its pixels."""
