"""What a training shows of itself on a terminal, in a notebook and in a log file."""

import sys
import types

import jax
import optax

import toymodels as tm
from toymodels.engine import progress


def run(**options):
    features = tm.SparseFeatures(5, sparsity=0.5)
    objective = tm.Reconstruction(features, lambda key: tm.ReluOutput(5, 2, key=key), 16, 32)
    tm.train(lambda: (objective, optax.adam(1e-2)), [], 4, key=jax.random.key(0), **options)


def test_progress_is_shown_on_a_terminal_only(monkeypatch, capsys):
    run()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run()
    err = capsys.readouterr().err
    assert "training" in err
    assert "4/4" in err
    run(progress=False)
    assert capsys.readouterr().err == ""


def test_progress_is_a_line_in_a_notebook(monkeypatch, capsys):
    shown = []

    class Line:
        def update(self, data, *, raw):
            assert raw
            shown.append(data["text/plain"])

    def display(data, *, raw, display_id):
        assert raw and display_id
        shown.append(data["text/plain"])
        return Line()

    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    assert progress.in_notebook()
    run()
    assert shown[0] == "training: compiling"
    assert " 4/4, loss " in shown[-1]
    assert capsys.readouterr().err == ""
    del shell.kernel  # as in a terminal's IPython
    assert not progress.in_notebook()


def test_lines_say_when_it_starts_how_long_it_takes_and_when_it_ends(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1)
    with progress.show("relu", 10) as report:
        report(2, 10, 1.0)
        report(4, 10, 0.5)
        report(10, 10, 0.25)
    first, second, last = capsys.readouterr().err.splitlines()
    assert first == "relu: 10 steps"
    assert second.startswith("relu: step 4 of 10, loss 0.5, about ")
    assert last.startswith("relu: done in ")
    assert last.endswith("loss 0.25")
