from jaxprobe.reports import exports, tables


def test_all_of_a_report_that_can_be_written_again(found):
    files = exports.files(found)
    assert set(tables.NAMES) < set(files)
    assert {'latex/scores.tex', 'latex/preview.tex'} < set(files)
    assert any(name.startswith('mteb/results/') for name in files)
    assert files == exports.files(found)
    assert all(isinstance(text, str) for text in files.values())
