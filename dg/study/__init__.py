"""What the study consists of, and what is shared between its parts."""
