"""Encoder-only speed: seconds of audio encoded per second, one JSON line per encoder.

    python -m benchmarks.encode fbank_chroma musicnn_msd --batch 16

Weights are the published ones where they are at hand, else `--weights random`: the speed is the
same. Audio is a synthetic noise wave already in memory, and pooling is left out.
"""

import argparse
import json
import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxprobe.encoders import base


def seconds_per_batch(encoder: base.Encoder, batch: int, repeats: int) -> float:
    """Times the compiled encoder: the median of `repeats` runs after one that compiles."""
    wave = np.random.RandomState(0).standard_normal((batch, encoder.card.window_samples))
    wave = jnp.asarray(0.1 * wave, jnp.float32)
    encode = jax.jit(encoder.encode)
    jax.block_until_ready(encode(encoder.params, wave))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(encode(encoder.params, wave))
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON line per encoder named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('names', nargs='+')
    parser.add_argument('--batch', type=int, default=16, help='windows per call')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--weights', default='')
    parser.add_argument('--arch', default='')
    parser.add_argument('--dtype', default='float32')
    asked = parser.parse_args(arguments)
    for name in asked.names:
        encoder = base.load(name, weights=asked.weights, arch=asked.arch, dtype=asked.dtype)
        seconds = seconds_per_batch(encoder, asked.batch, asked.repeats)
        hop = encoder.card.hop_samples or encoder.card.window_samples
        audio = asked.batch * hop / encoder.card.sample_rate
        line = {
            'encoder': name,
            'x_real_time': round(audio / seconds, 1),
            'seconds_per_batch': round(seconds, 4),
            'batch': asked.batch,
            'window_samples': encoder.card.window_samples,
            'dtype': asked.dtype,
            'device': jax.devices()[0].device_kind,
        }
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
