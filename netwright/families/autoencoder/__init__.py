"""Autoencoders: rows and pictures said in a few numbers, cleaned, judged, and made anew."""
