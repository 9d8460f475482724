"""Describes the processor with its vector instructions, and the device that TensorFlow trains on.

Every result records both, because results are equal to the bit only on one kind of processor, and speeds differ by a
factor of ten between kinds. Importing this module does not import TensorFlow.
"""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
MEMORY_INFO = Path("/proc/meminfo")
VECTOR_INSTRUCTIONS = (  # names in Linux, from the oldest to the newest; then those of ARM processors
    "avx", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16",
    "asimd", "asimdhp", "bf16", "sve", "sve2", "sme",
)  # fmt: skip


@functools.cache
def describe_processor() -> str:
    """Returns the processor's name and vector instructions, for example "AMD EPYC (avx avx2 avx512f avx512_bf16)".

    On systems other than Linux it is the name only.
    """
    try:
        text = CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    return _name_and_instructions(text)


def _name_and_instructions(text: str) -> str:
    r"""Returns the name and the vector instructions of the first processor in the text of `/proc/cpuinfo`.

    >>> _name_and_instructions("model name\t: Some CPU\nflags\t\t: fpu avx2 avx sse\n")
    'Some CPU (avx avx2)'
    """
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    name = fields.get("model name") or platform.processor() or platform.machine()
    present = " ".join(each for each in VECTOR_INSTRUCTIONS if each in flags)
    return f"{name} ({present})" if present else name


def available_memory() -> int:
    """Returns about how many bytes of memory are available to this process; all memory if the system does not tell."""
    try:
        fields = dict(line.split(":") for line in MEMORY_INFO.read_text(encoding="utf-8").splitlines())
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def training_device() -> str:
    """Returns the kind of device that TensorFlow trains on: "GPU" if it finds one, else "CPU"."""
    import tensorflow as tf

    return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"


def describe_device() -> str:
    """Returns the name of the device that TensorFlow trains on: the first GPU, or the processor."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return describe_processor()
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
