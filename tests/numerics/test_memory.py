import pytest

from toymodels.numerics import memory


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (64 * 2**30, "68.7 GB"), (2e18, "2,000 PB")],
)
def test_bytes_are_written_with_a_unit(count, words):
    assert memory.in_words(count) == words


def test_the_smallest_limit_counts(monkeypatch, tmp_path):
    whole = memory.machine_bytes()
    assert whole > 2**26
    limits = [tmp_path / name for name in ("max", "smaller", "missing")]
    limits[0].write_text("max\n")
    limits[1].write_text("1000000\n")
    monkeypatch.setattr(memory, "LIMITS", limits[::2])
    assert memory.machine_bytes() >= whole
    monkeypatch.setattr(memory, "LIMITS", limits)
    assert memory.machine_bytes() == 10**6
    memory.check_fits("the arrays", 10**6)
    sentence = "^the arrays need at least 1.5 MB of memory, and there are 1 MB$"
    with pytest.raises(memory.TooLarge, match=sentence):
        memory.check_fits("the arrays", 1_500_000)
    with pytest.raises(memory.TooLarge):
        memory.check_fits("the arrays", 11, available=10)


@pytest.mark.parametrize(
    ("caches", "found"),
    [
        ({"index0": ("1", "48K"), "index2": ("2", "512K")}, 2**19),
        ({"index0": ("1", "48K")}, memory.USUAL_L2),
        ({"index0": ("2", "unknown")}, memory.USUAL_L2),
        ({}, memory.USUAL_L2),
    ],
)
def test_the_l2_cache_is_read_where_the_system_says_it(monkeypatch, tmp_path, caches, found):
    for name, (level, size) in caches.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "level").write_text(f"{level}\n")
        (tmp_path / name / "size").write_text(f"{size}\n")
    monkeypatch.setattr(memory, "CACHES", tmp_path)
    assert memory.l2_bytes() == found
