"""Dual-Generator face reenactment: pictures in, landmarks, IDSG, RFG, protocols, metrics, tables."""
