"""The command line: look into a message without any key; encrypt and decrypt files with a KMS key."""
