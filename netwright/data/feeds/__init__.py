"""Whatever a person gives as data to what the training loop reads batches from."""
