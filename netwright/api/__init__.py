"""Where the flow is joined: from a source to a run, from a run to answers."""
