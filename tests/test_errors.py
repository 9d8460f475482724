"""Messages for errors that a user can correct."""

import errno
import os
import pickle

import pytest

from lottery_tf.errors import InputError, naming_file, user_message


def system_error(number, *names):
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    "number", [errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO, errno.ESTALE, errno.EACCES]
)
def test_a_systems_error_with_a_files_name_is_a_sentence(number):
    assert user_message(system_error(number, "results/fc")) == f"results/fc: {os.strerror(number)}."
    assert user_message(system_error(number)) is None, "without a name nobody knows what to do"


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (system_error(errno.EMFILE), "Too many open files. What was finished is kept. Raise the limit on open files"),
        (
            system_error(errno.EFBIG, "a.npz"),
            "a.npz: File too large. What was finished is kept. Raise the limit on the size",
        ),
        (system_error(errno.ENOSPC, "a.npz"), "The disk is full: "),
        (system_error(errno.ENOMEM), "Cannot allocate memory. What was finished is kept. Free some memory"),
        (
            system_error(errno.EAGAIN),
            "Resource temporarily unavailable. What was finished is kept. Raise the limit on proc",
        ),
        (MemoryError("Unable to allocate 9 GiB"), "Memory ran out (Unable to allocate 9 GiB). What was finished"),
        (system_error(errno.ENOENT, "a", None, "b"), "a and b: No such file or directory."),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found"), "No usable temporary directory"),
        (InputError("batch_size is 0."), "batch_size is 0."),
    ],
)
def test_what_a_user_can_mend_is_told_with_what_to_do(error, what):
    assert user_message(error).startswith(what)


@pytest.mark.parametrize("error", [KeyError("a"), ValueError("Input/output error"), RuntimeError(), OSError("odd")])
def test_other_errors_are_not_told_in_a_sentence(error):
    assert user_message(error) is None


def test_tensorflow_tells_a_systems_error_in_words():
    import tensorflow as tf

    def shown(kind, message):
        return user_message(kind(None, None, message))

    assert shown(tf.errors.FailedPreconditionError, "a/b; Read-only file system") == "a/b; Read-only file system."
    assert shown(tf.errors.UnknownError, "a/b; File too large").startswith("a/b; File too large. What was finished is")
    assert shown(tf.errors.ResourceExhaustedError, "a/b; Too many open files").startswith("a/b; Too many open files. ")
    assert shown(tf.errors.ResourceExhaustedError, "OOM when allocating\nat x").startswith("Memory ran out (OOM when")
    assert shown(tf.errors.ResourceExhaustedError, "a; No space left on device").startswith("The disk is full: ")
    assert shown(tf.errors.InvalidArgumentError, "Incompatible shapes") is None


def test_an_error_of_reading_or_writing_gets_the_name_of_the_file(tmp_path):
    with pytest.raises(OSError) as raised, naming_file(tmp_path):
        raise system_error(errno.EIO)
    assert user_message(raised.value) == f"{tmp_path}: Input/output error."
    assert user_message(pickle.loads(pickle.dumps(raised.value))) == f"{tmp_path}: Input/output error.", (
        "from a process"
    )
    with pytest.raises(OSError, match="'other'"), naming_file(tmp_path):
        raise system_error(errno.EIO, "other")
