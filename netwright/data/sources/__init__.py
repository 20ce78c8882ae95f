"""From anything a person may call a table to a `Table`: one file a kind of source."""
