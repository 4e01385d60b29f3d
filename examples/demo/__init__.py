"""The demonstration: hundreds of records through a real Lambda runtime, with a handful of KMS calls.

``make demo`` runs it. Nothing leaves this machine.
"""
