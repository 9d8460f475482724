"""The former name of `runs.landscape`."""

import runpy

from lottery_tf.command_line.command_flags import note_old_name

if __name__ == "__main__":
    note_old_name("runs.connectivity", "runs.landscape")
    runpy.run_module("runs.landscape", run_name="__main__", alter_sys=True)
