"""How good a network is: figures with their range, baselines beside them, what matters, and the report."""
