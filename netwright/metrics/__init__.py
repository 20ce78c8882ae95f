"""Pure functions (prediction, target) → number. Imports core alone."""
