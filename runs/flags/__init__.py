"""The flags of commands, made from the settings' dataclasses: a new field of theirs is a flag wherever it is of use."""
