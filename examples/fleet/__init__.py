"""Containers that share tenants: what KMS and DynamoDB are asked with each design, and at what size it pays."""
