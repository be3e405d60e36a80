import subprocess

from toymodels.suite.store.provenance import RunInfo, commit


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


def test_the_time_of_earlier_sessions_is_counted(tmp_path):
    assert 100 <= RunInfo(tmp_path).provenance(100.0)["wall_seconds"] < 110
