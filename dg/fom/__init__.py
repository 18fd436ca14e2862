"""The First Order Motion Model (Siarohin et al. 2019), the paper's main rival: a method of params.yaml like any other.

Key points with Jacobians say how parts of a face moved between two pictures; a dense flow made of them warps the
source's features. `train` and `reenact` are the two commands, `published` reads the authors' weights.
"""
