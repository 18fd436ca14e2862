"""How good the reenacted faces are (Sec. 4.1): SSIM, FID, CSIM, ACE and their bootstrap intervals."""
