"""The inner formats of records, tokens and durable checkpoints. Knows no key and no client: bytes in, bytes out."""
