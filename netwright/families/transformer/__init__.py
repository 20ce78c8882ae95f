"""Attention: an encoder, a decoder, and the plain module of the tutorials."""
