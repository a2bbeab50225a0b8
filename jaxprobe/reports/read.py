"""Results as reports see them: the JSON files of one or several working directories."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core import fs, schema
from jaxprobe.core.errors import StoreError

_NOT_RESULTS = '.bank.json'


class Result(NamedTuple):
    """One (encoder, task).

    Attributes:
        encoder: the label, made unique where several workdirs use the same one.
        task: its name.
        workdir: where it was computed.
        data: the result file, as `jaxprobe.stages.analyse` wrote it.
        path: of that file; the record it was computed from lies beside it.
    """

    encoder: str
    task: str
    workdir: Path
    data: dict[str, Any]
    path: Path | None = None

    @property
    def control(self) -> bool:
        """Random weights: a control row, not a model."""
        return bool(self.data.get('random_weights'))

    @property
    def limited(self) -> bool:
        """A trial on part of the data."""
        return bool(self.data.get('limit'))

    @property
    def metric(self) -> str:
        """The primary metric."""
        return self.data['main_score']['metric']

    @property
    def constant(self) -> float:
        """Best constant answer, in the primary metric."""
        return self.data['best_constant'][self.metric]

    @property
    def majority(self) -> float:
        """What training alone teaches (`text.constants` names it), in the primary metric."""
        return self.data['majority'][self.metric]


def load(workdirs: Sequence[Path]) -> list[Result]:
    """Reads every result file, encoders side by side.

    Returns:
        Results ordered by workdir, models before controls, then encoder, then task, numbers in
        names by value.

    Raises:
        StoreError: a working directory holds no results, or a file is damaged.
    """
    found = []
    for workdir in workdirs:
        paths = sorted((workdir / 'results').glob('*/*.json'))
        paths = [path for path in paths if not path.name.endswith(_NOT_RESULTS)]
        if not paths:
            raise StoreError(
                f'{workdir} holds no results ({workdir / "results"}/<encoder>/<task>.json). Is it '
                f'the --workdir of a run, and has its analyse stage finished?'
            )
        here = [_result(path, workdir) for path in paths]
        found += sorted(here, key=lambda r: (r.control, natural(r.encoder), natural(r.task)))
    return _distinct(found)


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key by which `layer2` comes before `layer10`.

    >>> sorted(['b10', 'b2'], key=natural)
    ['b2', 'b10']
    """
    parts = re.split(r'(\d+)', text)
    return [(int(part), '') if part.isdigit() else (-1, part) for part in parts]


def encoders(results: Sequence[Result]) -> list[str]:
    """Encoder labels in order of appearance, models before controls."""
    labels = dict.fromkeys(r.encoder for r in sorted(results, key=lambda r: r.control))
    return list(labels)


def tasks(results: Sequence[Result]) -> list[str]:
    """Task names, numbers in them by value."""
    return sorted({r.task for r in results}, key=natural)


def of_task(results: Sequence[Result], task: str) -> list[Result]:
    """The results of one task, in the order of `encoders`."""
    order = encoders(results)
    return sorted((r for r in results if r.task == task), key=lambda r: order.index(r.encoder))


def of_encoder(results: Sequence[Result], encoder: str) -> list[Result]:
    """The results of one encoder, in the order of `tasks`."""
    return sorted((r for r in results if r.encoder == encoder), key=lambda r: natural(r.task))


def _result(path: Path, workdir: Path) -> Result:
    try:
        data = fs.read_json(path)
        schema.check(path, data, 'result', (schema.RESULT,), 'run the analyse stage again.')
        return Result(data['encoder']['label'], data['task']['name'], workdir, data, path)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f'{path} is not a result file ({type(error).__name__}: {error}). Run the analyse stage '
            f'again: it rewrites it from the stored logits.'
        ) from error


def _distinct(results: list[Result]) -> list[Result]:
    """Adds the workdir's name to labels that several workdirs use.

    Tasks of one name that are not one task (`own_data` of two manifests) get it too: their
    scores may not stand in one table.
    """
    identities: dict[str, dict[Path, str]] = {}
    for result in results:  # Within one workdir a name is one task.
        identities.setdefault(result.task, {}).setdefault(result.workdir, _identity(result))
    apart = {task for task, by_workdir in identities.items() if len(set(by_workdir.values())) > 1}
    results = [
        r._replace(task=f'{r.task} ({r.workdir.name})') if r.task in apart else r for r in results
    ]
    where: dict[str, set[Path]] = {}
    for result in results:
        where.setdefault(result.encoder, set()).add(result.workdir)
    return [
        r._replace(encoder=f'{r.encoder} ({r.workdir.name})') if len(where[r.encoder]) > 1 else r
        for r in results
    ]


def _identity(result: Result) -> str:
    """What makes two tasks of one name the same: what is asked and how it is scored."""
    task = result.data['task']
    return fs.digest([task.get(key) for key in ('kind', 'labels', 'primary')])
