"""Work out the least permissions that settings need, and write them as IAM policies and key policy statements.

Nothing here asks AWS anything: what a function does with KMS and DynamoDB follows from its settings.
"""
