from quake_stream.cli.progress import progress


def test_what_is_done_is_one_line_on_standard_error(capsys):
    with progress() as report:
        report("one", 0.5)
        report("one", 1.0)
        report("two", 0.1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["one: done"]
