"""The panels of the CloudWatch dashboard in ``template.yaml``, drawn from metrics that functions have written.

``make dashboard`` runs it on the metrics of the demonstration.
"""
