"""The checks of a layer with a backward written by hand, one file each."""
