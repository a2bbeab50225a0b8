from jaxprobe.probes.spec import Progress
from jaxprobe.stages import progress


def test_encoding_shows_rate_and_time_left(capsys):
    shown = progress.Encoding('muq')
    shown(30.0, 120.0)
    shown(120.0, 120.0)
    shown.close()
    text = capsys.readouterr().err
    assert 'muq: encoding: 100% of 120 s of audio' in text
    assert 'x real time, 0 s left' in text


def test_training_shows_epochs_and_cells(capsys):
    shown = progress.Training('muq / gtzan_genre')
    shown(Progress('gtzan_genre', 0, 2, 78, 78, 0, 2.0))
    shown(Progress('gtzan_genre', 1, 2, 12, 78, 66, 2.0))
    shown.close()
    text = capsys.readouterr().err
    assert 'muq / gtzan_genre: training: 100% epoch 2 of 2, 12 of 78 cells, 2 epochs/s' in text


def test_training_in_waves_fills_one_bar(capsys):
    shown = progress.Training('muq / gtzan_genre')
    shown(Progress('gtzan_genre', 1, 2, 0, 78, 26, 2.0, 0, 3))
    shown(Progress('gtzan_genre', 0, 2, 0, 78, 52, 2.0, 1, 3))  # All cells stopped early.
    bar = shown._bar
    assert (bar.n, bar.total) == (4, 6)
    assert bar.postfix[0].startswith('wave 2 of 3, epoch 1 of 2, 0 of 78 cells, ')
    shown(Progress('gtzan_genre', 1, 2, 12, 78, 66, 2.0, 2, 3))
    shown.close()
    text = capsys.readouterr().err
    assert 'muq / gtzan_genre: training: 100% wave 3 of 3, epoch 2 of 2, 12 of 78 cells' in text


def test_slow_work_is_not_shown_as_none():
    assert [progress.pace(v) for v in (126.4, 3.14159, 0.0421, 0.0)] == ['126', '3.1', '0.042', '0']


def test_nothing_to_do_shows_nothing(capsys):
    progress.Encoding('muq').close()
    progress.Training('muq').close()
    assert capsys.readouterr().err == ''
