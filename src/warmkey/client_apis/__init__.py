"""The client and its two operations, step by step as client-apis/ in the specification has them."""
