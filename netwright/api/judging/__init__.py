"""The last part of a run: how good the network is on rows it has not seen, against what, and where it fails."""
