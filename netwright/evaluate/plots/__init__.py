"""Plots as inline SVG: small pure functions from numbers to text. Colours come from the page's style sheet."""
