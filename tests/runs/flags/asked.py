"""What flags come to, in a process of their own: importing them defines them, and two commands' flags clash."""

import json

ASK = """
import importlib, json, sys
from absl.testing import flagsaver
from lottery_tf.command_line import command_flags
from lottery_tf.errors import InputError
module = importlib.import_module(sys.argv[1])
{before}
def answer(words):
    with flagsaver.flagsaver():
        try:
            command_flags.parse(["command", *words])
            return {what}
        except InputError as error:
            return str(error)
print(json.dumps([answer(words) for words in json.loads(sys.argv[2])]))
"""


def answers(command, module, what, cases, before=""):
    """What an expression of the module's flags comes to for each command line, or the message that refuses it."""
    code = ASK.replace("{what}", what).replace("{before}", before)
    done = command(None, module, json.dumps(cases), code=code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
