"""Run the public test vectors of the AWS Encryption SDK from a folder that you have; none of them is kept here."""
