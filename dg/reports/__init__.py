"""Tables and figures beside the paper's (Sec. 4)."""
