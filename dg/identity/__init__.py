"""Face codes r = E_f(I): the identity network."""
