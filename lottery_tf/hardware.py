"""What computes here, in words: the processor with its vector instructions, and the devices that TensorFlow sees.

Results are equal to the bit on one kind of processor only, and speeds differ by a factor of ten from one to the next,
so every result says what made it. Imports no TensorFlow at start-up.
"""

from __future__ import annotations

import functools
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
VECTOR_INSTRUCTIONS = (  # as Linux calls them, from the oldest to the newest; ARM's after them
    "avx", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16",
    "asimd", "asimdhp", "bf16", "sve", "sve2", "sme",
)  # fmt: skip


@functools.cache
def describe_processor() -> str:
    """The processor's name and vector instructions, for example "AMD EPYC (avx avx2 avx512f avx512_bf16)".

    Where the system does not list them (anything but Linux), its name alone.
    """
    try:
        text = CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    return _described(text)


def _described(text: str) -> str:
    r"""The name and the vector instructions of the first processor in the text of `/proc/cpuinfo`.

    >>> _described("model name\t: Some CPU\nflags\t\t: fpu avx2 avx sse\n")
    'Some CPU (avx avx2)'
    """
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    name = fields.get("model name") or platform.processor() or platform.machine()
    present = " ".join(each for each in VECTOR_INSTRUCTIONS if each in flags)
    return f"{name} ({present})" if present else name


def training_device() -> str:
    """The kind of device that TensorFlow trains on: "GPU" where it sees one, else "CPU"."""
    import tensorflow as tf

    return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"


def describe_device() -> str:
    """The name of the device that TensorFlow trains on: the first GPU's, or the processor's."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return describe_processor()
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
