"""What bfloat16 does to pooled embeddings, one JSON line per layer.

    python -m benchmarks.dtype muq --audio ../shared/data/music --seconds 5 --windows 8

Windows are cut from real recordings and every layer is pooled over time, as stores hold it. The
weights are random unless a file is given, and each line says so: random weights have none of the
outlier channels that trained ones grow, so real ones must be measured before they are trusted.

Per layer: `relative_error` is the rms difference over the rms value, `error_over_spread` the
rms difference over the rms deviation from the mean of the windows (what a probe reads), and
`one_minus_cosine` the largest angle between a window's two embeddings, as 1 - cosine.
"""

import argparse
import json
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from jaxprobe.audio import decode
from jaxprobe.encoders import base

SUFFIXES = ('.wav', '.flac', '.ogg', '.mp3')


def windows(folder: Path, rate: int, seconds: float, count: int) -> Float[np.ndarray, 'R S']:
    """Cuts `count` windows, as evenly as it goes from every recording of a folder."""
    paths = sorted(path for path in folder.rglob('*') if path.suffix in SUFFIXES)
    if not paths:
        raise SystemExit(f'{folder} holds no recordings ({", ".join(SUFFIXES)})')
    cut, turns = [], -(-count // len(paths))
    for index in range(count):
        path, turn = paths[index % len(paths)], index // len(paths)
        info = decode.probe(path)
        room = max(0.0, info.frames / info.rate - seconds)
        start = room * (turn + 0.5) / turns
        wave = decode.read(path, rate, start=start, duration=seconds)
        cut.append(np.resize(wave, round(seconds * rate)))  # Repeats what is shorter.
    return np.stack(cut)


def pooled(encoder: base.Encoder, waves: Float[np.ndarray, 'R S']) -> list[np.ndarray]:
    """Time means [R D] of every layer, one window at a time."""

    @jax.jit
    def means(params, wave):
        states = encoder.encode(params, wave)
        if isinstance(states, tuple):
            return [state.mean(axis=1) for state in states]
        return list(states.mean(axis=2).swapaxes(0, 1))

    rows = [jax.device_get(means(encoder.params, wave[None])) for wave in waves]
    return [np.concatenate(layer) for layer in zip(*rows, strict=True)]


def compare(exact: Float[np.ndarray, 'R D'], fast: Float[np.ndarray, 'R D']) -> dict[str, float]:
    """The three figures of the module's docstring."""
    difference = np.sqrt(np.mean((fast - exact) ** 2))
    spread = np.sqrt(np.mean((exact - exact.mean(axis=0, keepdims=True)) ** 2))
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(fast, axis=1)
    return {
        'relative_error': float(difference / np.sqrt(np.mean(exact**2))),
        'error_over_spread': float(difference / spread),
        'one_minus_cosine': float(np.max(1.0 - np.sum(exact * fast, axis=1) / lengths)),
    }


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON line per layer of every encoder named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('names', nargs='+')
    parser.add_argument('--audio', type=Path, required=True, help='a folder of recordings')
    parser.add_argument('--seconds', type=float, default=0.0, help="0: the card's window")
    parser.add_argument('--windows', type=int, default=8)
    parser.add_argument('--weights', default='random')
    parser.add_argument('--arch', default='')
    asked = parser.parse_args(arguments)
    for name in asked.names:
        card = base.card(name)
        seconds = asked.seconds or card.window_seconds
        lead = card.lead_samples / card.sample_rate
        waves = windows(asked.audio, card.sample_rate, lead + seconds, asked.windows)
        both = []
        for dtype in ('float32', 'bfloat16'):
            encoder = base.load(name, weights=asked.weights, arch=asked.arch, dtype=dtype)
            both.append(pooled(encoder, waves))
            layers = [layer.name for layer in encoder.card.layers]
            del encoder  # One full-size model in memory at a time.
        for layer, exact, fast in zip(layers, *both, strict=True):
            line = {'encoder': name, 'layer': layer}
            line |= {key: float(f'{value:.4g}') for key, value in compare(exact, fast).items()}
            line |= {'windows': len(waves), 'seconds': seconds, 'weights': asked.weights}
            line |= {'device': jax.devices()[0].device_kind}
            print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
