"""Draw the panels of the CloudWatch dashboard in ``template.yaml`` from metrics that functions have written.

``make dashboard`` draws the metrics of the demo.
"""
