"""How the bundled landmark and identity networks are trained on SynthFace people."""
