"""Facial landmarks F_l: network, pose, visibility, line map."""
