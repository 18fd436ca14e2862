"""The bundled RFG's long training: few pictures of many people in one file, trained on by any machine with PyTorch.

Only PyTorch, NumPy, Pillow and safetensors are imported here, `bundle` and `pack` aside: a borrowed GPU may have no
more.
"""
