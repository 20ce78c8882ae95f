"""Two layers as one, where that saves time or memory."""
