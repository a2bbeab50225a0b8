import dataclasses

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from jaxprobe.stages import analyse, confusion, resample, results, sections
from jaxprobe.stages import grid as grids
from tests.stages import planted


def scored(record):
    return dataclasses.replace(record, scores=results.score_record(record))


def context(record):
    record = scored(record)
    return sections.Context(record, grids.of(record), resample.draw(record, 20), {})


@pytest.mark.parametrize('kind', ['multiclass', 'key'])
def test_counts_are_those_of_the_selected_cell_and_its_first_seed(kind):
    asked = context(planted.bank(kind=kind, layers=3, strength=1.0))
    found = confusion.section(asked)
    cell = asked.grid.book.selected.cells[0]
    assert asked.record.seed[cell] == 0 == found['seed']
    answers = asked.record.test_logits[cell].argmax(1)
    wanted = confusion_matrix(
        asked.record.test_targets, answers, labels=range(len(found['labels']))
    )
    assert found['counts'] == wanted.tolist()
    assert found['of'] == wanted.sum() - np.trace(wanted) > 0
    assert found['shown'] == len(found['items']) == min(found['of'], confusion.SHOWN)


def test_the_surest_mistakes_come_first():
    asked = context(planted.bank(layers=3, strength=0.5))
    found = confusion.section(asked)
    record, cell = asked.record, asked.grid.book.selected.cells[0]
    margins = [item['margin'] for item in found['items']]
    assert margins == sorted(margins, reverse=True)
    assert min(margins) > 0
    first = found['items'][0]
    place = record.test_ids.index(first['id'])
    logits = record.test_logits[cell, place].astype(float)
    assert found['labels'].index(first['answer']) == logits.argmax()
    assert found['labels'].index(first['truth']) == record.test_targets[place]
    assert first['margin'] == logits.max() - logits[record.test_targets[place]]
    assert {item['path'] for item in found['items']} == {''}


@pytest.mark.parametrize('kind', ['multilabel', 'regression'])
def test_other_kinds_have_none(kind):
    assert confusion.section(context(planted.bank(kind=kind, layers=2))) is None


def test_a_bank_of_which_every_cell_diverged_has_none():
    record = planted.bank(layers=2, mix=False, seeds=1, diverged=tuple(range(6)))
    assert confusion.section(context(record)) is None


def test_it_is_part_of_the_result():
    record = context(planted.bank(layers=2)).record
    assert analyse.analyse(record, resamples=20)['confusion']['labels'] == list(
        record.meta['task']['labels']
    )
