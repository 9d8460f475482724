"""The notebook runs in a kernel of its own, shows what its text says, and is stored with its outputs."""

import contextlib
import io
import os
import re

import nbformat
import pytest
from nbclient import NotebookClient
from shared import HANG_SECONDS, ROOT

import lottery_tf as lt

PATH = ROOT / "analysis" / "notebook" / "ten_cells.ipynb"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    """What a cell prints."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")


def shares(cell):
    """The percentages that a cell prints, in order."""
    return [float(found) for found in re.findall(r"([\d.]+)%", printed(cell))]


def check(notebook):
    """What the text says of each cell is what the cell shows."""
    images, train, rewind, criteria, signs, supermask, packed, plane, own_criterion, own_model = code_cells(notebook)
    assert printed(images) == "1,200 train, 300 validation, 297 test\n"
    (dense,) = shares(train)
    kept, ticket = shares(rewind)
    assert dense > 95 and kept == pytest.approx(10, abs=0.1) and ticket > 95
    large_final, magnitude_increase, random = shares(criteria)[::3]
    assert min(large_final, magnitude_increase) > random + 4 and shares(criteria)[2] < 2
    rewound, signs_kept, signs_drawn_anew = shares(signs)[::3]
    assert min(rewound, signs_kept) > signs_drawn_anew + 1
    signed_constant, initial, by_chance = shares(supermask)
    assert signed_constant > 90 and initial > 70 and by_chance < 40
    size = int(re.search(r"([\d,]+) bytes", printed(packed))[1].replace(",", ""))
    assert size < 40_000 and shares(packed)[0] > 80
    assert shares(own_model)[-1] > 90 and "'Conv2D'" in printed(own_model) and "Masked" not in printed(own_model)
    for cell in (images, train, criteria, signs, supermask, plane, own_criterion):
        assert any("image/png" in output.get("data", {}) for output in cell.outputs)


def test_its_outputs_are_stored_and_say_what_its_text_says():
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, 11))
    check(notebook)
    assert not any(output.output_type == "error" or output.get("name") == "stderr"
                   for cell in code_cells(notebook) for output in cell.outputs)  # fmt: skip


def test_what_it_stores_of_the_tickets_in_the_package_is_what_the_cell_prints():
    """The rest of what cells print is trained: its last digits depend on the machine. `check` compares its sizes."""
    packed = code_cells(nbformat.read(PATH, as_version=4))[6]
    source = "".join(packed.source)
    loop = source[source.index("for name, each in lt.examples()") :]
    assert loop.startswith("for") and "\n    print(" in loop
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(loop, {"lt": lt})
    assert len(out.getvalue().splitlines()) == len(lt.examples())
    assert printed(packed).splitlines()[1:] == out.getvalue().splitlines()


def words(cell):
    """What a cell prints, without its numbers."""
    return re.sub(r"[\d.,]+", "#", printed(cell)).split()


@pytest.mark.slow
def test_it_runs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(PATH, as_version=4)
    where = {"metadata": {"path": str(PATH.parent)}}
    stored = [words(cell) for cell in code_cells(notebook)]
    check(ran := NotebookClient(notebook, timeout=HANG_SECONDS, kernel_name="python3", resources=where).execute())
    assert [words(cell) for cell in code_cells(ran)] == stored
