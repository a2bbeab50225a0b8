"""The surroundings in which a user's torch code is built and run: its own, and left as found."""

import contextlib
import operator
import random
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxprobe.core.errors import ConfigError, JaxprobeError
from jaxprobe.encoders.base import Card

# Names below torch.backends -> what they are while an encoder of ours is built and run. float32
# means float32, and the same wave gives the same numbers.
_BACKENDS = {
    'fp32_precision': 'ieee',
    'cuda.matmul.fp32_precision': 'ieee',
    'cudnn.conv.fp32_precision': 'ieee',
    'cudnn.rnn.fp32_precision': 'ieee',
    'mkldnn.matmul.fp32_precision': 'ieee',
    'mkldnn.conv.fp32_precision': 'ieee',
    'mkldnn.rnn.fp32_precision': 'ieee',
    'cudnn.benchmark': False,
    'cudnn.deterministic': True,
}
# The same for torch before 2.9. Newer ones refuse a mix of both.
_BACKENDS_BEFORE = {
    'cuda.matmul.allow_tf32': False,
    'cudnn.allow_tf32': False,
    'cudnn.benchmark': False,
    'cudnn.deterministic': True,
}


@contextlib.contextmanager
def evaluating(torch: Any, device: Any, seed: int) -> Iterator[None]:
    """Evaluation as a pure function: own random numbers, exact float32, no gradients.

    Whatever the module or its import changes of torch's global settings, or draws from global
    generators, is undone; the number of threads is the user's business.
    """
    backends, numbers = _backends(torch), (random.getstate(), np.random.get_state())
    before = (torch.get_default_dtype(), torch.is_grad_enabled())
    matmul = torch.get_float32_matmul_precision()
    cuda = [torch.cuda.current_device()] if device.type == 'cuda' else []
    try:
        with torch.random.fork_rng(devices=cuda), torch.no_grad():
            torch.default_generator.manual_seed(seed)
            for index in cuda:
                torch.cuda.default_generators[index].manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)
            torch.set_float32_matmul_precision('highest')
            for name in backends:
                _set(torch.backends, name, _BACKENDS.get(name, _BACKENDS_BEFORE.get(name)))
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        for name, value in backends.items():
            _set(torch.backends, name, value)
        random.setstate(numbers[0])
        np.random.set_state(numbers[1])
        torch.set_default_dtype(before[0])
        torch.set_grad_enabled(before[1])


def _backends(torch: Any) -> dict[str, Any]:
    """The present values of the backend settings that this torch has."""
    try:
        return {name: operator.attrgetter(name)(torch.backends) for name in _BACKENDS}
    except AttributeError:
        return {name: operator.attrgetter(name)(torch.backends) for name in _BACKENDS_BEFORE}


def _set(holder: Any, name: str, value: Any) -> None:
    path, _, attribute = name.rpartition('.')
    setattr(operator.attrgetter(path)(holder) if path else holder, attribute, value)


@contextlib.contextmanager
def readable(found: Card, what: str) -> Iterator[None]:
    """The user's own code may raise anything: it becomes one message that says where."""
    try:
        yield
    except JaxprobeError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        frame = ([f for f in frames if '/torch/' not in f.filename] or frames)[-1]
        raise ConfigError(
            f'encoder {found.name}: {what}: {type(error).__name__}: {error} '
            f'({frame.filename}, line {frame.lineno}, in {frame.name}).'
        ) from error
