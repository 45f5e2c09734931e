"""Measuring how scoring a folder scales."""

import bench_scale


def test_the_page_on_a_billion_photos_is_computed_from_the_rows(tmp_path, monkeypatch):
    """10 photos a second on a core: 27,778 hours; 1.25 GB/s feed 1,250 cores at 100 kB a photo."""
    monkeypatch.setattr(bench_scale, "TABLE", tmp_path / "scale.csv")
    monkeypatch.setattr(bench_scale, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(bench_scale.results, "machine", lambda: "Linux, 2 cores, 24 GB")
    marks = f"before\n{bench_scale.BEGIN}\nold\n{bench_scale.END}\nafter\n"
    bench_scale.PAGE.write_text(marks)
    row = {
        "photos": 50_000, "distinct": 50_000, "workers": 1, "seconds": 5_000, "kills": 0,
        "photos_per_second": 10.0, "core_hours_per_million": 27.8, "peak_mb_per_worker": 300,
        "same_rows": True, "bytes_per_photo": 100_000, "bytes_per_photo_scored": 30.0,
        "bytes_per_photo_parts": 200.0,
    }  # fmt: skip
    tenth = {"run": "a tenth", "photos": 5_000, "peak_mb_per_worker": 299}
    bench_scale.keep(row | tenth | {"bytes_per_photo_scored": 70.0}, "x")
    bench_scale.keep(row | {"run": "all"}, "x")
    bench_scale.keep(row | {"run": "all", "workers": 2, "photos_per_second": 20.0}, "x")
    bench_scale.keep(
        row
        | {"run": "all", "workers": 4, "photos_per_second": 19.0}
        | {"peak_mb_first_half": 301, "peak_mb_per_worker": 302},
        "x",
    )
    killed = {"run": "a worker killed every 30 s", "kills": 9, "photos": 5_000, "workers": 2}
    bench_scale.keep(row | killed, "x")
    bench_scale.keep({"run": "empty tasks", "workers": 2, "tasks_per_second": 500}, "x")
    bench_scale.write_page()
    page = bench_scale.PAGE.read_text()
    assert page.startswith("before\n") and page.endswith("after\n") and "old" not in page
    page = " ".join(page.split())
    assert "take 27,778 core-hours" in page and "| 1,000 | 27.8 | 1,000 |" in page
    for memory in ("| 27.8 | 299 |", "| 27.8 | 300 |", "301 MB", "302 MB"):
        assert memory in page
    assert "every 30 s (kills: 9), 5,000 photos on 2 workers: 5,000 s, and the same rows" in page
    assert "100.0 TB of photos" in page and "70 GB of Parquet" in page and "200 GB more" in page
    assert "full with 1,250 workers" in page
    assert "the line to the photos comes first" in page  # 500 tasks a second feed 1,600
