import dataclasses

import numpy as np
import pytest

from jaxprobe.stages import closed_form, resample, results, sections
from jaxprobe.stages import grid as grids
from tests.stages import planted
from tests.stages.confusion_test import scored

PENALTIES = (1e-2, 1.0, 100.0)


def context(kinds=('ridge', 'lda'), **options):
    record = scored(planted.bank(layers=3, **options))
    found = {}
    for kind in kinds:
        own = scored(planted.bank(layers=3, mix=False, seeds=1, rates=PENALTIES, **options))
        variant = {'kind': kind, 'value': '', 'of': record.meta['fingerprint']}
        protocol = own.meta['protocol'] | {'select_by': ''}
        meta = own.meta | {'variant': variant, 'protocol': protocol}
        found[f'genre@{kind}'] = dataclasses.replace(own, meta=meta)
    return sections.Context(record, grids.of(record), resample.draw(record, 50), found)


def test_every_source_stands_at_the_penalty_that_validation_selects():
    asked = context()
    found = closed_form.section(asked)
    record = asked.variants['genre@ridge']
    assert found['penalties'] == list(PENALTIES)
    assert found['by'] == found['metric'] == 'accuracy'
    for row in found['rows']:
        cells = [p for p, name in enumerate(record.source) if name == row['source']]
        valid, test = (record.scores[f'{s}/accuracy'][cells] for s in ('valid', 'test'))
        best = int(valid.argmax())
        assert row['penalty'] == PENALTIES[best]
        assert (row['valid'], row['test']) == (valid[best], test[best])
        assert row['ci95'][0] <= row['test'] <= row['ci95'][1]
        assert row['edge'] == ('lowest', None, 'highest')[best]
    best = max(found['rows'], key=lambda row: row['valid'])
    assert found['selected'] == best
    assert [row['shrinkage'] for row in found['lda']['rows']] == [
        row['penalty'] for row in found['rows']
    ]
    assert found['lda'].keys() == {'shrinkages', 'rows', 'selected'}


def test_a_grid_that_ends_flat_has_no_edge():
    falling, flat = np.array([0.9, 0.5, 0.4]), np.array([0.9, 0.9, 0.4])
    assert closed_form._edge(0, falling) == 'lowest'
    assert closed_form._edge(2, falling[::-1]) == 'highest'
    assert closed_form._edge(1, falling) is None
    assert closed_form._edge(0, flat) is None
    assert closed_form._edge(2, flat[::-1].copy()) is None
    assert closed_form._edge(0, falling[:1]) is None


def test_lda_may_be_absent_and_so_may_all():
    assert closed_form.section(context(('ridge',)))['lda'] is None
    assert closed_form.section(context(())) is None


@pytest.mark.parametrize('kind', ['multilabel', 'regression', 'key'])
def test_every_kind(kind):
    found = closed_form.section(context(('ridge',), kind=kind))
    assert found['selected']['test'] > 0.2


def test_a_record_of_other_items_is_left_out():
    asked = context(('ridge',))
    (own,) = asked.variants.values()
    other = dataclasses.replace(own, test_ids=('x',) * len(own.test_ids))
    assert closed_form.section(asked._replace(variants={'genre@ridge': other})) is None


def test_sources_without_a_score_are_named():
    asked = context(('ridge',))
    (own,) = asked.variants.values()
    logits = {name: getattr(own, name).copy() for name in ('valid_logits', 'test_logits')}
    for values in logits.values():
        values[:3] = np.inf  # The first source, at every penalty.
    own = dataclasses.replace(own, **logits)
    own = dataclasses.replace(own, scores=results.score_record(own))
    found = closed_form.section(asked._replace(variants={'genre@ridge': own}))
    assert found['rows'][0] == {
        'source': 'block0',
        **dict.fromkeys(('penalty', 'valid', 'test', 'ci95', 'edge')),
    }
    assert found['selected']['source'] != 'block0'
