"""A small NeuralFP in Keras 2, trained one step and saved by TensorFlow's own tf.train.Checkpoint.

Not a test: it needs TensorFlow 2.15 (an environment of its own), and writes DIR/ckpt-1.* and
DIR/neuralfp.npz; then `JAXPROBE_NEURALFP=DIR pytest tests/parity/neuralfp_test.py -s`. Written from
`spec/encoders_cnn.md` 8 for its names of variables, which TensorFlow derives from attributes.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

WIDTHS, STRIDES = (4, 4, 6, 6, 8, 8, 16, 16), (2, 2, 2, 2, 1, 2, 1, 2)
SLICES, HIDDEN = 4, 5
keras = tf.keras


class Block(keras.layers.Layer):
    """Over time, then over frequency; its norms are called BN."""

    def __init__(self, width, stride):
        super().__init__()
        self.conv2d_1x3 = keras.layers.Conv2D(width, (1, 3), (1, stride), 'same')
        self.conv2d_3x1 = keras.layers.Conv2D(width, (3, 1), (2, 1), 'same')
        self.BN_1x3 = keras.layers.LayerNormalization(axis=(1, 2, 3))
        self.BN_3x1 = keras.layers.LayerNormalization(axis=(1, 2, 3))

    def call(self, x):
        x = self.BN_1x3(tf.nn.elu(self.conv2d_1x3(x)))
        return self.BN_3x1(tf.nn.elu(self.conv2d_3x1(x)))


class Heads(keras.layers.Layer):
    """A small network for every slice of the features."""

    def __init__(self):
        super().__init__()
        self.split_fc_layers = [
            keras.Sequential([keras.layers.Dense(HIDDEN, activation='elu'), keras.layers.Dense(1)])
            for _ in range(SLICES)
        ]

    def call(self, x):
        parts = tf.split(x, SLICES, axis=1)
        pairs = zip(self.split_fc_layers, parts, strict=True)
        return tf.concat([layer(part) for layer, part in pairs], axis=1)


class Fingerprint(keras.Model):
    """The whole."""

    def __init__(self):
        super().__init__()
        blocks = [Block(w, s) for w, s in zip(WIDTHS, STRIDES, strict=True)]
        self.front_conv = keras.Sequential([*blocks, keras.layers.Flatten()])
        self.div_enc = Heads()

    def call(self, x):
        return tf.math.l2_normalize(self.div_enc(self.front_conv(x)), axis=1)


def main(folder):
    """Trains a step, so that the optimiser has slots, and saves."""
    folder.mkdir(parents=True, exist_ok=True)
    tf.random.set_seed(0)
    mel = (-np.abs(np.random.RandomState(6).standard_normal((2, 256, 32, 1))) * 0.6).astype('f')
    model, optimizer = Fingerprint(), keras.optimizers.Adam(1e-2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(mel)[:, :2])
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    tf.train.Checkpoint(optimizer=optimizer, model=model).save(str(folder / 'ckpt'))
    np.savez(folder / 'neuralfp.npz', mel=mel[..., 0], embedding=model(mel).numpy())
    names = [name for name, _ in tf.train.list_variables(str(folder / 'ckpt-1'))]
    print(f'TensorFlow {tf.__version__}: {len(names)} variables', *names[:12], sep='\n  ')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
