"""The words everybody speaks: records, errors, settings, seeds, files. Imports no other unit."""
