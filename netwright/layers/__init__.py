"""The mathematics by hand: `forward → (output, cache)`, `backward(grad_output, cache) → gradients`."""
