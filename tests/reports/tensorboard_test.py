import struct

import pytest

from jaxprobe.reports import tensorboard


def records(data):
    """Cuts an event file as TensorBoard does: length, its checksum, bytes, their checksum."""
    while data:
        (size,) = struct.unpack('<Q', data[:8])
        head, body = data[:8], data[12 : 12 + size]
        sums = struct.unpack('<I', data[8:12]) + struct.unpack('<I', data[12 + size : 16 + size])
        assert sums == (tensorboard.masked(head), tensorboard.masked(body))
        yield body
        data = data[16 + size :]


def event_class():
    """The four fields of `Event`, as tensorboard/compat/proto has them."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name='e.proto', package='e', syntax='proto3')
    shapes = {
        'Value': [('tag', 1, kind.TYPE_STRING, ''), ('simple_value', 2, kind.TYPE_FLOAT, '')],
        'Summary': [('value', 1, kind.TYPE_MESSAGE, '.e.Value')],
        'Event': [
            ('wall_time', 1, kind.TYPE_DOUBLE, ''),
            ('step', 2, kind.TYPE_INT64, ''),
            ('file_version', 3, kind.TYPE_STRING, ''),
            ('summary', 5, kind.TYPE_MESSAGE, '.e.Summary'),
        ],
    }
    for name, fields in shapes.items():
        message = file.message_type.add(name=name)
        for field, number, type_, of in fields:
            label = kind.LABEL_REPEATED if name == 'Summary' else kind.LABEL_OPTIONAL
            message.field.add(
                name=field, number=number, type=type_, label=label, type_name=of or None
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName('e.Event'))


def read(path):
    first, *rest = map(event_class().FromString, records(path.read_bytes()))
    assert first.file_version == 'brain.Event:2'
    return {
        (value.tag, event.step): value.simple_value
        for event in rest
        for value in event.summary.value
    }


def test_every_layer_is_a_point_at_its_depth(found, tmp_path):
    written = tensorboard.write(found, tmp_path)
    assert {path.parent.name for path in written} == {'musicnn', 'muq', 'toy'}
    points = read(tmp_path / 'muq' / tensorboard.FILE)
    r = next(r for r in found if (r.encoder, r.task) == ('muq', 'tags10'))
    for depth, row in enumerate(row for row in r.data['layers'] if not row['learned']):
        if row['test'] is not None:
            assert points['tags10/accuracy/test', depth] == pytest.approx(row['test'])
            assert points['tags10/accuracy/ci95_low', depth] == pytest.approx(row['ci95'][0])
    mix = next(row for row in r.data['layers'] if row['learned'])
    assert points['tags10/accuracy/test of mix', 0] == pytest.approx(mix['test'])
    assert written[0].read_bytes() == tensorboard.write(found, tmp_path / 'b')[0].read_bytes()


def test_long_numbers_and_names(tmp_path):
    scalar = tensorboard.Scalar('ü' * 200, 300, -1.5)
    path = tmp_path / 'x'
    path.write_bytes(tensorboard.events([scalar]))
    assert read(path) == {('ü' * 200, 300): -1.5}


def test_sources_that_diverged_are_left_out(odd_found, tmp_path):
    for path in tensorboard.write(odd_found, tmp_path):
        assert path.is_relative_to(tmp_path)
        assert list(records(path.read_bytes()))


def test_tensorboard_reads_it(found, tmp_path):
    loader = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator',
        reason='the extra `tensorboard` is not installed',
    )
    tensorboard.write(found, tmp_path)
    accumulator = loader.EventAccumulator(str(tmp_path / 'muq')).Reload()
    assert 'tags10/accuracy/test' in accumulator.Tags()['scalars']
