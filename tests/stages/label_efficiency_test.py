from jaxprobe.stages import label_efficiency
from tests.stages import planted, variant_records


def share(value, items, strength):
    return variant_records.varied('train', value, {'n': {'train': items}}, strength=strength)


def test_curves_go_from_the_least_share_to_the_bank_itself():
    own = variant_records.scored(planted.bank(strength=3.0))
    found = label_efficiency.section(
        variant_records.context(own, share(0.1, 12, 1.0), share(0.03, 4, 0.2))
    )
    assert found is not None
    assert found['fractions'] == [0.03, 0.1, 1.0]
    assert found['n_items'] == [4, 12, 120]
    row = next(r for r in found['rows'] if r['source'] == 'block2')
    assert row['test'] == sorted(row['test'])
    assert len(row['ci95']) == len(row['learning_rate']) == len(row['seed_std']) == 3
    assert [r['source'] for r in found['rows']][-1] == 'mix'


def test_without_shares_there_is_no_curve():
    own = variant_records.scored(planted.bank())
    assert label_efficiency.section(variant_records.context(own)) is None
