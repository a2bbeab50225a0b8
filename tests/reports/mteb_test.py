import json

from jaxprobe.reports import mteb

# Fields of `TaskResult` and their types (mteb/results/task_result.py); None where optional.
FIELDS = {
    'dataset_revision': str,
    'task_name': str,
    'mteb_version': str | None,
    'scores': dict,
    'evaluation_time': float | None,
    'kg_co2_emissions': float | None,
    'date': float | None,
    'evaluation_phases': list | None,
}


def results(found):
    return {
        name: json.loads(text)
        for name, text in mteb.files(found).items()
        if not name.endswith('model_meta.json')
    }


def test_files_are_as_mteb_reads_them(found):
    for name, one in results(found).items():
        for field, kind in FIELDS.items():
            assert isinstance(one[field], kind), field
        assert set(one) - set(FIELDS) == {'jaxprobe'}
        assert one['task_name'] == name.rsplit('/', 1)[1].removesuffix('.json')
        for scores in one['scores'].values():
            for entry in scores:  # `TaskResult._validate_scores_dict`
                assert isinstance(entry['main_score'], float)
                assert isinstance(entry['hf_subset'], str)
                assert isinstance(entry['languages'], list)


def test_scores_intervals_and_versions_are_those_of_the_results(found):
    r = next(r for r in found if (r.encoder, r.task) == ('muq', 'emotion'))
    (one,) = [v for n, v in results(found).items() if '__muq/' in n and n.endswith('emotion.json')]
    (entry,) = one['scores']['test']
    assert entry['main_score'] == r.data['main_score']['value'] == entry['r2']
    assert entry['r2_arousal_ci95'] == r.data['metrics']['r2_arousal']['ci95']
    assert one['dataset_revision'] == r.data['split_sha256']
    assert one['jaxprobe']['versions'] == r.data['env']
    assert one['jaxprobe']['fingerprint'] == r.data['fingerprint']
    assert one['jaxprobe']['selected'] == r.data['selected']


def test_one_folder_per_model_and_revision_with_its_meta(found):
    files = mteb.files(found)
    folders = {name.rsplit('/', 1)[0] for name in files}
    assert len(folders) == 2
    for folder in folders:
        meta = json.loads(files[f'{folder}/model_meta.json'])
        assert folder.split('/')[2:] == [meta['name'].replace('/', '__'), meta['revision']]


def test_controls_and_trials_are_left_out(found, odd_found):
    assert not any('toy' in name for name in mteb.files(found))
    assert mteb.files(odd_found) == {}
