import pytest

from jaxprobe.core import fs
from jaxprobe.plan import PIN
from jaxprobe.reports import sounds


@pytest.fixture
def workdir(tmp_path):
    """A run on the user's own data: three clips, one of them a stretch of a file, one gone."""
    for name in ('a.wav', 'b.wav'):
        (tmp_path / name).write_bytes(b'x')
    rows = ['path,label,split', 'a.wav,x,train', 'b.wav,y,valid', 'gone.wav,y,test']
    (tmp_path / 'labels.csv').write_text('\n'.join(rows))
    fs.write_json(
        tmp_path / 'run' / PIN,
        {
            'tasks': {},
            'manifest': str(tmp_path / 'labels.csv'),
            'kind': 'multiclass',
            'data_dir': str(tmp_path),
        },
    )
    return tmp_path / 'run'


def test_sounds_are_found_where_the_settings_say(workdir):
    found = sounds.sounds(workdir, ['own_data', 'synth_key'])
    assert set(found) == {'own_data'}
    assert {sound.path.name for sound in found['own_data'].values()} == {'a.wav', 'b.wav'}


def test_data_that_are_gone_make_no_noise(workdir, tmp_path):
    (tmp_path / 'labels.csv').unlink()
    assert sounds.sounds(workdir, ['own_data']) == {}
    assert sounds.sounds(tmp_path / 'nowhere', ['own_data']) == {}


def test_a_stretch_is_part_of_the_address(tmp_path):
    assert sounds.Sound(tmp_path).fragment == ''
    assert sounds.Sound(tmp_path, 1.5).fragment == '#t=1.5'
    assert sounds.Sound(tmp_path, 0.0, 2.0).fragment == '#t=0,2'
