"""Run hundreds of records through a real Lambda runtime, with a handful of KMS calls.

``make demo`` starts this demo. It sends nothing to other machines.
"""
