"""The inner formats of sealed records and tokens. Knows no key and no client: bytes in, bytes out."""
