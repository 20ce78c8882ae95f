"""Makes the modules of `benchmarks/` importable: the batteries hold the tiers against them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
