"""SFace, which recognises real people: the judge of CSIM, and what tells whose face is meant. No loss may see it."""
