"""Nothing a user's torch code does to global state is left behind, and errors say where."""

import random

import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders.external_settings import evaluating, readable
from tests.encoders.contract_test import CARD

torch = pytest.importorskip('torch')
CPU = torch.device('cpu')


def draws():
    return float(torch.rand(())), random.random(), float(np.random.rand())


def test_global_generators_are_as_they_were():
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    wanted = draws()
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    with evaluating(torch, CPU, 1):
        first = draws()
        torch.manual_seed(99)
    with evaluating(torch, CPU, 1):
        assert draws() == first
    with evaluating(torch, CPU, 2):
        assert draws() != first
    assert draws() == wanted


def test_global_settings_are_as_they_were():
    before = (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark)
    threads = torch.get_num_threads()
    with evaluating(torch, CPU, 0):
        assert not torch.is_grad_enabled()
        assert torch.backends.cudnn.deterministic
        assert torch.backends.cudnn.conv.fp32_precision == 'ieee'
        torch.set_float32_matmul_precision('medium')
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.backends.cudnn.benchmark = True
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == before
    assert torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == threads


def test_settings_come_back_after_an_error_too():
    torch.manual_seed(5)
    wanted = float(torch.rand(()))
    torch.manual_seed(5)
    with pytest.raises(ZeroDivisionError), evaluating(torch, CPU, 1):
        torch.set_default_dtype(torch.float64)
        raise ZeroDivisionError
    assert torch.get_default_dtype() is torch.float32
    assert float(torch.rand(())) == wanted


def test_torch_from_before_its_new_settings():
    class Old:
        class backends:
            class cuda:
                class matmul:
                    allow_tf32 = True

            class cudnn:
                allow_tf32, benchmark, deterministic = True, True, False

        get_float32_matmul_precision = torch.get_float32_matmul_precision
        set_float32_matmul_precision = torch.set_float32_matmul_precision
        random, no_grad = torch.random, torch.no_grad
        default_generator = torch.default_generator
        get_default_dtype, set_default_dtype = torch.get_default_dtype, torch.set_default_dtype
        is_grad_enabled, set_grad_enabled = torch.is_grad_enabled, torch.set_grad_enabled

    with evaluating(Old, CPU, 0):
        assert not Old.backends.cuda.matmul.allow_tf32
        assert not Old.backends.cudnn.allow_tf32
    assert Old.backends.cuda.matmul.allow_tf32
    assert Old.backends.cudnn.allow_tf32
    assert not Old.backends.cudnn.deterministic


def test_an_error_of_any_kind_names_the_line_of_the_user():
    with pytest.raises(ConfigError) as caught, readable(CARD, 'it failed'):
        torch.nn.Linear(3, 4)(torch.zeros(2, 5))
    assert 'encoder mock: it failed: RuntimeError' in str(caught.value)
    assert 'external_settings_test.py' in str(caught.value)


def test_our_own_errors_pass():
    with pytest.raises(WeightsError, match='^as it is$'), readable(CARD, 'it failed'):
        raise WeightsError('as it is')
