from jaxprobe.stages import heads
from tests.stages import planted, variant_records

MLP = {'protocol': {'monitor': 'accuracy', 'hidden': [512], 'dropout': 0.2}}


def head(name, strength, widths, **variant):
    meta = {'protocol': MLP['protocol'] | {'hidden': widths, 'dropout': 0.0}, 'variant': variant}
    return variant_records.varied('head', name, meta, strength=strength)


def test_validation_chooses_over_heads_as_over_sources_and_rates():
    own = variant_records.scored(planted.bank(strength=1.0, meta=MLP))
    linear, m5 = head('linear', 0.2, []), head('m5', 3.0, None, hidden={'64': [40, 20]})
    found = heads.section(variant_records.context(own, m5, linear))
    assert found is not None
    assert [row['head'] for row in found['rows']] == ['mlp', 'linear', 'm5']
    assert [row['hidden'] for row in found['rows']] == [[512], [], [40, 20]]
    assert found['selected']['head'] == 'm5'
    assert found['selected']['test'] == found['rows'][2]['test']
    assert set(found['selected']) == {
        'head', 'source', 'learning_rate', 'valid', 'test', 'seed_std', 'ci95',
    }  # fmt: skip
    for row in found['rows']:
        assert len(row['layers']) == 6
        best = next(r for r in row['layers'] if r['source'] == row['source'])
        assert (best['test'], best['learning_rate']) == (row['test'], row['learning_rate'])


def test_one_head_is_no_comparison():
    own = variant_records.scored(planted.bank(meta=MLP))
    assert heads.section(variant_records.context(own)) is None
