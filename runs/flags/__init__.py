"""The flags of the commands, made from the fields of the settings' dataclasses."""
