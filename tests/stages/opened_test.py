import dataclasses
from pathlib import Path

import pytest

from jaxprobe.core.errors import DataError, StoreError
from jaxprobe.stages import opened
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import Item, Kind
from tests.stages.pipeline_test import make_plan, manifest, run


@pytest.fixture(scope='module')
def extracted(tmp_path_factory):
    folder = tmp_path_factory.mktemp('opened')
    plan = make_plan(folder, manifest(folder / 'data', missing=1), on_error='quarantine')
    run(plan, folder / 'run', ['extract'])
    return plan


def look(plan, **changes):
    chosen, task = plan.encoders[0], dataclasses.replace(plan.tasks[0], **changes)
    return opened.look(chosen.load(0), chosen, task, plan)


def test_what_is_missing_is_counted_and_left_out(extracted):
    known = look(extracted)
    assert known.meta['missing'] == {'train': ['0.wav'], 'valid': [], 'test': []}
    assert {s: len(items) for s, items in known.by_split.items()} == known.meta['n']
    assert known.meta['n'] == {'train': 11, 'valid': 6, 'test': 6}
    assert known.widths == tuple(width for _, width in known.store.layers)


def test_readers_have_the_rows_of_every_split(extracted):
    with opened.reading(look(extracted)) as found:
        assert {s: reader.rows for s, reader in found.readers.items()} == found.meta['rows']
        assert found.meta['rows'] == {'train': 11, 'valid': 6, 'test': 6}
        assert found.meta['fingerprint'] == found.known.meta['fingerprint']


def test_audio_that_was_never_encoded_names_the_stage(extracted, tmp_path):
    with pytest.raises(StoreError, match='extract'):
        look(dataclasses.replace(extracted, store_dir=tmp_path))


def test_a_split_without_items_is_refused(extracted):
    items = extracted.tasks[0].items(extracted.data_dir)
    with pytest.raises(DataError, match='every split needs at least one'):
        look(extracted, items=lambda _: [item for item in items if item.split != 'valid'])


def test_targets_in_seconds_need_one_file():
    several = Item('a', Path('x.wav'), 'train', 0, more=(Path('y.wav'),))
    task = dataclasses.replace(registry.build('synth_key', {}), kind=Kind.BEATS)
    with pytest.raises(DataError, match='several files'):
        opened._check_files(task, [several])
