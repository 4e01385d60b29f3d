"""The message format: which byte stands where. Knows no key and verifies nothing.

One module per page of data-format/ in the specification.
"""
