"""The sequential loop that `benchmarks/marble_size.py` stands beside: torch, one cell at a time."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.marble_tasks import Size
from jaxprobe.probes.spec import BankSpec


def loop(
    size: Size, spec: BankSpec, width: int, cells: int, seconds: float = 2.0
) -> dict[str, Any]:
    """Times a plain training of one cell at the task's mean batch, for about some seconds.

    Args:
        size: of the task.
        spec: what the bank is asked to train.
        width: of the embeddings.
        cells: trained one after the other.
        seconds: spent here, at most a few times as many.

    Returns:
        What all cells and epochs would take, and how that was come by.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    steps = -(-len(size.count['train']) // spec.batch_items)
    rows, valid = round(size.rows['train'] / steps), size.rows['valid']
    chunk = min(valid, 4096)
    net = torch.nn.Sequential(
        torch.nn.Linear(width, spec.hidden[0]),
        torch.nn.ReLU(),
        torch.nn.Dropout(spec.dropout),
        torch.nn.Linear(spec.hidden[0], spec.outputs),
    ).to(device)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.randn(max(rows, chunk), width, device=device)
    if size.kind in ('multiclass', 'key'):
        y = torch.randint(0, spec.outputs, (rows,), device=device)
        loss_of = torch.nn.functional.cross_entropy
    else:
        y = torch.rand(rows, spec.outputs, device=device)
        tags = size.kind == 'multilabel'
        loss_of = (
            torch.nn.functional.binary_cross_entropy_with_logits
            if tags
            else torch.nn.functional.mse_loss
        )

    def step() -> None:
        picked = torch.randint(0, len(x), (rows,), device=device)
        adam.zero_grad()
        loss_of(net(x[picked]), y).backward()
        adam.step()

    def score() -> None:
        with torch.no_grad():
            net(x[:chunk])

    step_s, score_s = (_seconds(device, work, seconds) for work in (step, score))
    epoch = steps * step_s + valid / chunk * score_s
    return {
        'total_s': round(cells * spec.epochs * epoch, 1),
        'arithmetic': {
            'cells': cells,
            'epochs': spec.epochs,
            'steps': steps,
            'step_s': float(f'{step_s:.3g}'),
            'evaluations': round(valid / chunk, 2),
            'evaluation_s': float(f'{score_s:.3g}'),
        },
        'device': device,
        'threads': torch.get_num_threads(),
    }


def _seconds(device: str, work: Callable[[], None], seconds: float) -> float:
    work()
    times: list[float] = []
    while (sum(times) < seconds / 2 and len(times) < 200) or len(times) < 3:
        began = time.perf_counter()
        work()
        if device == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
