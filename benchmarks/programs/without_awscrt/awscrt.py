"""Hides awscrt, which is installed for other benchmarks: botocore loads it wherever it finds it."""

raise ImportError("awscrt is hidden from this program")
