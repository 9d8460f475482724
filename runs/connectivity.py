"""The former name of `runs.landscape`."""

import runpy

if __name__ == "__main__":
    runpy.run_module("runs.landscape", run_name="__main__", alter_sys=True)
