"""Run a function of your own under Lambda's runtime client with the layer, without AWS."""
