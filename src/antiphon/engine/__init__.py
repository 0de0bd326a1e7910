"""Inference on NumPy and ONNX Runtime: open a bundle, feed, sample under constraints, snapshot, restore."""

from antiphon.engine.bundle import Bundle, BundleError, shipped_models
from antiphon.engine.model import FIELDS, Constraints, Model, NothingPossible, Steer, Voice
from antiphon.engine.neural import NeuralModel
from antiphon.engine.opening import OpenedModel, open_model, open_stream_model

__all__ = [
    "FIELDS",
    "Bundle",
    "BundleError",
    "Constraints",
    "Model",
    "NeuralModel",
    "NothingPossible",
    "OpenedModel",
    "Steer",
    "Voice",
    "open_model",
    "open_stream_model",
    "shipped_models",
]
