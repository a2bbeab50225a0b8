"""The devices of a bank: cells over the mesh axis `probe`, rows over the axis `data`.

Cells never meet, so `probe` costs no communication but a flag per epoch: the compiler splits the
programs of `block` along the cell axis. Rows are split over `data` only where one device cannot
hold them; a step then collects its rows from the devices that have them. Everything else is on
every device.

The devices may be those of several processes. Then every process calls the bank with the same
arguments at the same time, reads the rows that its own devices hold and no others, and has the
same outcome. Neighbours along `data` are devices of one process as far as they go.
"""

from collections.abc import Mapping, Sequence
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

    @property
    def shares(self) -> tuple[int, ...]:
        """Places along `data` of this process's devices: the rows that it reads."""
        return tuple(sorted(set(self._along().values()))) if self.mesh else (0,)

    def cells(self, tree: Any) -> Any:
        """Divides every leaf, on the host, along its first axis; scalars go everywhere.

        What it returns belongs to nobody else and may be donated.
        """
        if self.mesh is None:
            return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), tree)
        axes = ('probe',)
        return self._put(tree, lambda leaf: axes if np.ndim(leaf) else (), may_alias=False)

    def rows(self, parts: Mapping[int, Any]) -> Any:
        """Puts rows on the devices along `data`, the last axis but one of every leaf.

        Args:
            parts: of every place in `shares`, its rows; of all places equally many.
        """
        mesh = self.mesh
        if mesh is None:
            return jax.tree.map(jnp.asarray, parts[0])
        along = self._along()

        def put(*leaves: Any) -> Any:
            own = dict(zip(parts, leaves, strict=True))
            *before, rows, last = leaves[0].shape
            axes = PartitionSpec(*(None,) * len(before), 'data')
            return jax.make_array_from_single_device_arrays(
                (*before, rows * self.data, last),
                NamedSharding(mesh, axes),
                [jax.device_put(own[place], device) for device, place in along.items()],
            )

        return jax.tree.map(put, *parts.values())

    def everywhere(self, tree: Any) -> Any:
        """Puts every leaf on every device."""
        if self.mesh is None:
            return jax.tree.map(jnp.asarray, tree)
        return self._put(tree, lambda leaf: ())

    def host(self, tree: Any) -> Any:
        """Every leaf, whole, on the host; where there are several processes, of each of them."""
        if not (self.mesh and self.mesh.is_multi_process):
            return jax.tree.map(np.asarray, tree)
        gathered = jax.jit(_same, out_shardings=NamedSharding(self.mesh, PartitionSpec()))
        # One leaf after another: each stands on every device for a moment.
        return jax.tree.map(lambda leaf: np.asarray(gathered(leaf).addressable_data(0)), tree)

    def _put(self, tree: Any, axes: Any, may_alias: bool | None = None) -> Any:
        def put(leaf: Any) -> Any:
            sharding = NamedSharding(self.mesh, PartitionSpec(*axes(leaf)))  # type: ignore
            if sharding.is_fully_addressable:
                return jax.device_put(leaf, sharding, may_alias=may_alias)
            mine = sharding.addressable_devices_indices_map(np.shape(leaf))
            parts = [
                jax.device_put(_part(leaf, index), device, may_alias=may_alias)
                for device, index in mine.items()
            ]
            return jax.make_array_from_single_device_arrays(np.shape(leaf), sharding, parts)

        return jax.tree.map(put, tree)

    def _along(self) -> dict[Device, int]:
        """The place along `data` of every device of this process."""
        assert self.mesh is not None
        here = jax.process_index()
        return {
            device: place
            for (_, place), device in np.ndenumerate(self.mesh.devices)
            if device.process_index == here
        }


ONE = Placement()


def _same(leaf: Any) -> Any:
    return leaf


def _part(leaf: Any, index: Any) -> Any:
    """A part of an array; the array itself where that is all of it."""
    return leaf if all(axis == slice(None) for axis in index) else leaf[index]


def default_devices() -> list[Device]:
    """All accelerators of this process, or one CPU device: more of those would share its cores."""
    return _chosen(jax.local_devices())


def all_devices() -> list[Device]:
    """Those of all processes, `default_devices` of each, process after process."""
    each = (jax.local_devices(process_index=k) for k in range(jax.process_count()))
    return [device for local in each for device in _chosen(local)]


def _chosen(local: list[Device]) -> list[Device]:
    return local[:1] if local[0].platform == 'cpu' else local


def least(value: float, devices: Sequence[Device]) -> float:
    """The least of what the processes of some devices say, so that all decide alike."""
    if all(device.process_index == jax.process_index() for device in devices):
        return value
    from jax.experimental import multihost_utils

    return float(np.min(multihost_utils.process_allgather(np.float32(value))))


def place(devices: Sequence[Device], data: int = 1) -> Placement:
    """Arranges devices.

    Args:
        devices: of this process, or of every process, one process after the other.
        data: how many of them share the rows; divides their number.

    Raises:
        ConfigError: it does not, or there are no devices, or only some processes have some.
    """
    if not devices or data < 1 or len(devices) % data:
        raise ConfigError(f'{len(devices)} devices cannot share rows among {data}')
    hosts = {device.process_index for device in devices}
    if hosts not in ({jax.process_index()}, set(range(jax.process_count()))):
        raise ConfigError(
            f'devices of processes {sorted(hosts)} of {jax.process_count()}: a bank takes '
            f'those of its own process, or of all of them.'
        )
    if len(devices) == 1 and devices[0] == jax.local_devices()[0]:
        return ONE
    return Placement(Mesh(np.array(devices).reshape(-1, data), ('probe', 'data')))
