"""The same bank on longer stretches of audio: `<task>@context-10`.

The embeddings of consecutive windows of an item are averaged up to so many seconds, and each
average is a row that is trained on and scored like a window. One extraction serves all contexts. It
is no longer window: every embedding has seen its own window alone.
"""

from typing import Any

from jaxprobe.core.errors import ConfigError
from jaxprobe.features.spec import StoreSpec
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known
from jaxprobe.stages.results import BankRecord

KIND = 'context'


def jobs(known: Known, own: BankRecord, study: Any) -> list[Job]:
    """A bank per context that is longer than a window.

    Raises:
        ConfigError: windows do not add up to a context.
    """
    del own
    if not study.contexts:
        return []
    why = refusal(known)
    if why:
        print(f'   {known.label}: no contexts, {why}')
        return []
    return planned(known, study.contexts)


def refusal(known: Known) -> str:
    """Why a task has no contexts, '' if it has."""
    if known.task.kind.framewise:
        return 'its targets are of frames'
    if known.task.protocol.aggregation == 'embeddings':
        return 'its protocol averages all windows of an item anyway'
    return ''


def planned(known: Known, contexts: tuple[float, ...]) -> list[Job]:
    """The jobs, in order of their length; one window is the task's own bank.

    Raises:
        ConfigError: windows do not add up to a context.
    """
    own, found = known.store.window_samples / known.store.sample_rate, []
    for seconds in sorted({float(c) for c in contexts}):
        windows = windows_of(seconds, known.store)
        if windows > 1:
            found.append(
                Job(
                    known.grid,
                    KIND,
                    seconds,
                    what=f'the same bank on means of up to {windows} windows',
                    merge=windows,
                    meta={'window_seconds': own},
                )
            )
    return found


def windows_of(seconds: float, store: StoreSpec) -> int:
    """How many windows a context spans.

    Raises:
        ConfigError: it is shorter than one, or not a whole number of hops longer.
    """
    rate, window, hop = store.sample_rate, store.window_samples, store.hop_samples
    more = (seconds * rate - window) / hop
    if more >= 0 and abs(more - round(more)) * hop <= 1:
        return 1 + round(more)
    own = f'windows of {window / rate:g} s' + (f', {hop / rate:g} s apart' * (hop != window))
    near = [window + max(0, int(more) + k) * hop for k in (0, 1)]
    those = ' or '.join(f'{samples / rate:g}' for samples in dict.fromkeys(near))
    raise ConfigError(
        f'study.contexts={seconds:g}: {own} of {store.encoder} do not add up to that. Near it '
        f'they add up to {those} s; other windows are another extraction, with '
        f'--config.encoder.window_seconds={seconds:g} in a run of its own.'
    )
