"""Face codes r = E_f(I): the identity network."""

DIMENSIONS = {"synthface-id": 160, "vggface2": 2048, "vggface": 4096}
"""Length D of a face code, by back end (identity.backend)."""
READ_LANDMARKS = ("synthface-id",)
"""Those that look at the picture's landmarks too; the others at the picture alone."""
