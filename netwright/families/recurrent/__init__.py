"""Recurrent networks: a state is carried from step to step of a sequence."""
