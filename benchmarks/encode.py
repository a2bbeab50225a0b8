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


def seconds_per_batch(
    encoder: base.Encoder, batch: int, samples: int, repeats: int
) -> tuple[float, float]:
    """Times the compiled encoder: medians of `repeats` runs after one that compiles.

    Returns:
        Wall seconds, and seconds of processor time: on a shared machine only the second says
        what the work costs, on an accelerator only the first.
    """
    samples += encoder.card.lead_samples
    wave = np.random.RandomState(0).standard_normal((batch, samples))
    wave = jnp.asarray(0.1 * wave, jnp.float32)
    encode = jax.jit(encoder.encode)
    jax.block_until_ready(encode(encoder.params, wave))
    times = []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        jax.block_until_ready(encode(encoder.params, wave))
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, processor = np.median(times, axis=0)
    return float(wall), float(processor)


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON line per encoder named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('names', nargs='+')
    parser.add_argument('--batch', type=int, default=16, help='windows per call')
    parser.add_argument('--seconds', type=float, default=0.0, help="0: the card's window")
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--weights', default='')
    parser.add_argument('--arch', default='')
    parser.add_argument('--dtype', default='float32')
    asked = parser.parse_args(arguments)
    for name in asked.names:
        encoder = base.load(name, weights=asked.weights, arch=asked.arch, dtype=asked.dtype)
        card = encoder.card
        samples = int(asked.seconds * card.sample_rate) or card.window_samples
        hop = samples if asked.seconds else card.hop_samples or samples
        seconds, processor = seconds_per_batch(encoder, asked.batch, samples, asked.repeats)
        audio = asked.batch * hop / card.sample_rate
        line = {
            'encoder': name,
            'x_real_time': round(audio / seconds, 1),
            'seconds_per_batch': round(seconds, 4),
            'processor_seconds_per_second': round(processor / audio, 5),
            'batch': asked.batch,
            'window_samples': samples,
            'dtype': asked.dtype,
            'device': jax.devices()[0].device_kind,
        }
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
