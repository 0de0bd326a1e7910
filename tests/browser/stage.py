"""What the tests in a browser share: a server of files, and Python's constraints in the words of JavaScript."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from antiphon.engine import Constraints, Steer, Voice


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """Serve `folder` on this machine as any static server would. Gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def voice_in_js(voice: Voice) -> dict:
    said = {
        "minVelocity": voice.min_velocity,
        "maxVelocity": voice.max_velocity,
        "minPolyphony": voice.min_polyphony,
        "maxPolyphony": voice.max_polyphony,
        "minLength": voice.min_length,
        "maxLength": float(voice.max_length),
        "mayStart": voice.may_start,
    }
    return said if voice.pitches is None else said | {"pitches": np.flatnonzero(voice.pitches).tolist()}


def steer_in_js(steer: Steer) -> dict:
    return {"temperature": steer.temperature, "topP": steer.top_p, "window": list(steer.window)}


def in_js(constraints: Constraints) -> dict:
    return {
        "voices": {str(instrument): voice_in_js(voice) for instrument, voice in constraints.voices.items()},
        "earliest": float(constraints.earliest),
        "latest": float(constraints.latest),
        "fixed": dict(constraints.fixed),
        "order": list(constraints.order),
        "steer": {name: steer_in_js(steer) for name, steer in constraints.steer.items()},
        "onsetWeight": constraints.onset_weight,
        "weights": {str(instrument): weight for instrument, weight in constraints.weights.items()},
    }
