"""LPIPS (Zhang et al. 2018): how far apart two pictures look, on AlexNet (a metric) or on VGG-16 (a loss)."""
