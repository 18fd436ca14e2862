"""Face codes r = E_f(I): the identity network."""

DIMENSIONS = {"synthface-id": 160, "vggface2": 2048, "vggface": 4096}
"""Length D of a face code, by back end (identity.backend)."""
