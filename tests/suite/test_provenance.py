import subprocess

import pytest

from toymodels.suite.store.provenance import DirtyTree, RunInfo, commit, refuse_dirty


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=b"]
    command = ["git", *identity, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_outside_of_git_there_is_no_commit(tmp_path):
    assert commit(tmp_path) == {"commit": None, "dirty": None}


def test_the_tree_is_dirty_with_any_change_but_to_figures(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "figures").mkdir()
    for name in ("code.py", "figures/a.json"):
        (tmp_path / name).write_text("old")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    assert commit(tmp_path) == {"commit": head, "dirty": False}
    (tmp_path / "figures" / "a.json").write_text("new")
    (tmp_path / "figures" / "b.json").write_text("new")
    assert commit(tmp_path) == {"commit": head, "dirty": False}
    (tmp_path / "new.py").write_text("new")
    assert commit(tmp_path) == {"commit": head, "dirty": True}


def test_what_git_refuses_to_say_is_unknown_and_passed_on(tmp_path, monkeypatch, capsys):
    git(tmp_path, "init")
    # as a repository of another user, which git does not read
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert commit(tmp_path) == {"commit": None, "dirty": None}
    assert "the commit is not recorded, as git says: fatal: detected dubious" in (
        capsys.readouterr().err
    )
    with pytest.raises(DirtyTree, match=r"git cannot tell whether .* dubious ownership"):
        refuse_dirty(tmp_path)


def test_the_time_of_earlier_sessions_is_counted(tmp_path):
    assert 100 <= RunInfo(tmp_path).provenance(100.0)["wall_seconds"] < 110
