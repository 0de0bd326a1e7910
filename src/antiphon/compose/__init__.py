"""Off-line music making: continue a piece."""
