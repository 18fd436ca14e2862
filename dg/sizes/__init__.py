"""What the generators are built from, as their checkpoints' cards hold it. Nothing here imports torch."""
