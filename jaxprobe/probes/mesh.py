"""The devices of a bank: cells over the mesh axis `probe`, rows over the axis `data`.

Cells never meet, so `probe` costs no communication: the compiler splits the programs of `block`
along the cell axis. Rows are split over `data` only where one device cannot hold them; a step then
collects its rows from the devices that have them. Everything else is on every device.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxprobe.core.errors import ConfigError

Device = Any


class Placement(NamedTuple):
    """Where arrays of a bank are put; without a mesh, on the one device there is."""

    mesh: Mesh | None = None

    @property
    def probe(self) -> int:
        """Devices that cells are divided over."""
        return self.mesh.shape['probe'] if self.mesh else 1

    @property
    def data(self) -> int:
        """Devices that rows are divided over."""
        return self.mesh.shape['data'] if self.mesh else 1

    def cells(self, tree: Any) -> Any:
        """Divides every leaf along its first axis; scalars go everywhere."""
        return self._put(tree, lambda leaf: ('probe',) if np.ndim(leaf) else ())

    def rows(self, tree: Any) -> Any:
        """Divides every leaf along its last axis but one, whose length `data` must divide."""
        return self._put(tree, lambda leaf: (None,) * (np.ndim(leaf) - 2) + ('data',))

    def everywhere(self, tree: Any) -> Any:
        """Puts every leaf on every device."""
        return self._put(tree, lambda leaf: ())

    def _put(self, tree: Any, axes: Any) -> Any:
        mesh = self.mesh
        if mesh is None:
            return jax.tree.map(jnp.asarray, tree)

        def put(leaf: Any) -> Any:
            return jax.device_put(leaf, NamedSharding(mesh, PartitionSpec(*axes(leaf))))

        return jax.tree.map(put, tree)


ONE = Placement()


def default_devices() -> list[Device]:
    """All accelerators of this process, or one CPU device: more of those would share its cores."""
    local = jax.local_devices()
    return local[:1] if local[0].platform == 'cpu' else local


def place(devices: Sequence[Device], data: int = 1) -> Placement:
    """Arranges devices.

    Args:
        devices: of this process.
        data: how many of them share the rows; divides their number.

    Raises:
        ConfigError: it does not, or there are no devices.
    """
    if not devices or data < 1 or len(devices) % data:
        raise ConfigError(f'{len(devices)} devices cannot share rows among {data}')
    if len(devices) == 1 and devices[0] == jax.local_devices()[0]:
        return ONE
    return Placement(Mesh(np.array(devices).reshape(-1, data), ('probe', 'data')))
