from jaxprobe.stages import remarks


def _result(**changes):
    result = {
        'main_score': {'metric': 'accuracy', 'value': 0.5, 'ci95': [0.4, 0.6], 'n_seeds': 3},
        'best_constant': {'accuracy': 0.2},
        'selected': {'source': 'a'},
        'grid_edge': None,
        'rates': {'learning_rates': [1e-4, 1e-3, 1e-2], 'sources': ['a']},
        'diverged': [],
        'n_cells': 9,
        'missing': {'train': [], 'valid': [], 'test': []},
        'padded_windows': {'train': 0, 'valid': 0, 'test': 0},
        'rows': {'train': 10, 'valid': 10, 'test': 10},
        'limit': 0,
        'random_weights': False,
        'bootstrap': {'clustered': False, 'clusters': 100},
    } | changes
    result['main_score'] = result['main_score'] | remarks.level(result)
    return result


def _codes(**changes):
    return [warning['code'] for warning in remarks.warnings(_result(**changes))]


def test_a_sound_result_has_no_warnings():
    assert _codes() == []


def test_everything_that_weakens_a_score_is_said():
    main = {'metric': 'accuracy', 'n_seeds': 3, 'ci95': [0.1, 0.3]}
    assert _codes(main_score=main | {'value': 0.2}) == ['constant level']
    assert _codes(main_score=main | {'value': 0.25}) == ['near constant']
    assert _codes(main_score=main | {'value': 0.5, 'ci95': None, 'n_seeds': 1}) == ['one seed']
    assert _codes(limit=20, random_weights=True) == ['limited', 'random']
    assert _codes(missing={'train': ['a'], 'valid': [], 'test': ['b', 'c']}) == ['missing items']
    assert _codes(padded_windows={'train': 3}) == ['padded windows']
    crossing = {'same_audio_across_splits': 2, 'examples': ['a (train) and b (test)']}
    assert _codes(audit=crossing) == ['same audio']
    assert _codes(padded_windows=3) == ['padded windows']
    assert _codes(metrics={'accuracy': {'value': 0.5}, 'a:b': {'value': None}}) == [
        'undefined metric'
    ]
    assert _codes(bootstrap={'clustered': True, 'clusters': 4}) == ['few groups']
    assert _codes(diverged=[{'source': 'a'}]) == ['diverged']
    assert _codes(decoded='all') == []
    assert _codes(decoded='per source the best') == ['some cells']
    assert _codes(grid_edge='at the edge') == ['grid edge']
    alone = {'learning_rates': [1e-3], 'sources': ['a']}
    assert _codes(rates=alone, grid_edge='only one') == ['one rate']


def test_no_score_at_all_is_not_constant_level():
    main = {'metric': 'accuracy', 'value': None, 'ci95': None, 'n_seeds': 0}
    assert _codes(main_score=main, selected=None) == ['no score']


def test_what_selection_leaves_open_is_said():
    edges = {'warnings': ['at the edge', '3 of 9 sources are selected at the lowest rate']}
    assert _codes(grid_edge='at the edge', ledger=edges) == ['grid edge', 'source edges']
    assert _codes(grid_edge='at the edge', ledger={'warnings': ['at the edge']}) == ['grid edge']
    assert _codes(regret=0.11) == ['regret']
    assert _codes(regret=0.09) == []
    main = {'metric': 'accuracy', 'value': 0.5, 'ci95': None, 'n_seeds': 3}
    assert _codes(regret=0.5, main_score=main) == []


def test_a_sum_that_is_selected_must_be_better_than_one_layer():
    pair = {'kind': 'mix', 'a': 'mix', 'b': 'block3', 'difference': 0.02, 'significant': False}

    def codes(selected='mix', **changes):
        return _codes(selected={'source': selected}, comparisons={'pairs': [pair | changes]})

    assert codes() == codes(significant=None) == ['sum not better']
    assert codes(significant=True) == []
    assert codes(significant=True, difference=-0.02) == ['sum not better']
    assert codes(selected='block3') == []
    text = remarks.warnings(_result(selected={'source': 'mix'}, comparisons={'pairs': [pair]}))[0][
        'text'
    ]
    assert text.endswith('than block3 alone')
