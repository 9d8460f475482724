"""Size and inference time of trained tickets, on a tiny case; the speed is not asserted."""

import pytest

from runs.benchmarks import compaction as suite


@pytest.mark.slow
def test_the_benchmark_suite_measures_and_prints(monkeypatch, capsys):
    monkeypatch.setattr(suite, "CASES", (suite.TicketCase("fc", 3, 4),))
    monkeypatch.setattr(suite, "SECONDS", 1e-4)
    suite.run(repeats=1)
    rows = [line.replace(",", "").replace(">", " ").split() for line in capsys.readouterr().out.splitlines()[3:]]
    assert [float(row[0]) for row in rows] == pytest.approx([100, 26.3, 6.95, 1.85], abs=0.05)
    assert {int(row[1]) for row in rows} == {266_610}
    assert int(rows[-1][2]) < int(rows[0][2]) == 266_610
    assert int(rows[-1][4]) < int(rows[-1][3]), "the file is smaller"
    assert all(float(row[-1]) < 1e-5 for row in rows)
