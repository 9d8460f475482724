"""Masked layers and Keras's own fit with Keras on another backend than TensorFlow, in a process of its own.

A behaviour of several modules: layers, constraint, containers and conversion.
"""

from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("on_backend.py")


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_pruned_weights_are_held_to_the_bit(backend, command, monkeypatch):
    pytest.importorskip(backend)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    done = command(None, code=SCRIPT.read_text())
    assert done.stdout.split() == [backend, "15", "kernels", "held"], done.stderr
