"""Sources to a table, a table to a schema, rows to the tensors a network is fed."""
