"""Another name for `runs.landscape`, as that command was called before."""

import runpy

if __name__ == "__main__":
    runpy.run_module("runs.landscape", run_name="__main__", alter_sys=True)
