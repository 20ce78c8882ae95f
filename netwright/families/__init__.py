"""How a network is built. Each family is a record of plain functions; the closed table is in `registry`."""
