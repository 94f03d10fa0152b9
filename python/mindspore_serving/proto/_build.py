"""Message classes from a serialized descriptor, by what every protobuf from 3.20 to 7 has in public."""

from typing import Any, Dict

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import enum_type_wrapper


def build(serialized: bytes) -> Dict[str, Any]:
    """What protoc would put into a module of this FileDescriptorProto."""
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(serialized)
    file = pool.FindFileByName(descriptor_pb2.FileDescriptorProto.FromString(serialized).name)
    if hasattr(message_factory, "GetMessageClass"):  # from 4.22 on
        message_class = message_factory.GetMessageClass
    else:
        message_class = message_factory.MessageFactory(pool).GetPrototype
    names: Dict[str, Any] = {"DESCRIPTOR": file}
    for name, message in file.message_types_by_name.items():
        names[name] = message_class(message)
    for name, enum in file.enum_types_by_name.items():
        names[name] = enum_type_wrapper.EnumTypeWrapper(enum)
        names.update({value.name: value.number for value in enum.values})
    return names
