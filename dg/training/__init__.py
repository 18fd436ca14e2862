"""What the training of the IDSG and of the RFG share."""
