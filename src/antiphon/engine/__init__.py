"""Inference on NumPy and ONNX Runtime: open a bundle, feed, sample under constraints, snapshot, restore."""
