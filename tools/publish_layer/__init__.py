"""Publish the built layer to Regions, share it, and say under which ARNs it is there."""
