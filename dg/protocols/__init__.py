"""Test protocols (Sec. 4.1): pair lists, and the pictures each method makes of them."""
