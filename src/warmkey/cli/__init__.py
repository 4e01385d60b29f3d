"""The command line: inspect a message without any key; encrypt and decrypt files with a KMS key."""
