"""The sample trace, and what draws the pictures of docs/choosing-limits.md."""
