"""Series: a table of time stamps and numbers becomes steps on a calendar, and windows of them."""
