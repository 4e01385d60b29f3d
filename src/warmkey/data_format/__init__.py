"""Read and write the bytes of the message format. No keys are known here, and nothing is verified.

One module per page of data-format/ in the specification.
"""
