"""Turn the library into two functions in AWS Lambda: settings, wiring, the default client, SnapStart."""
