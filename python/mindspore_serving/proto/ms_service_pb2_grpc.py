"""Stubs of MSService and ClientMemory and MSService's servicer, by grpc's public interface alone."""

from typing import Any

import grpc

from . import ms_service_pb2

_SERVICE = "mindspore.serving.proto.MSService"
_MEMORY = "mindspore.serving.proto.ClientMemory"


class MSServiceStub:
    """The client's side. channel: of grpc or grpc.aio."""

    def __init__(self, channel: Any) -> None:
        self.Predict = channel.unary_unary(
            f"/{_SERVICE}/Predict",
            request_serializer=ms_service_pb2.PredictRequest.SerializeToString,
            response_deserializer=ms_service_pb2.PredictReply.FromString,
        )


class ClientMemoryStub:
    """The client's side. channel: of grpc or grpc.aio."""

    def __init__(self, channel: Any) -> None:
        self.Attach = channel.unary_unary(
            f"/{_MEMORY}/Attach",
            request_serializer=ms_service_pb2.AttachRequest.SerializeToString,
            response_deserializer=ms_service_pb2.AttachReply.FromString,
        )
        self.Detach = channel.unary_unary(
            f"/{_MEMORY}/Detach",
            request_serializer=ms_service_pb2.DetachRequest.SerializeToString,
            response_deserializer=ms_service_pb2.DetachReply.FromString,
        )


class MSServiceServicer:
    """The server's side."""

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")


def add_MSServiceServicer_to_server(servicer: Any, server: Any) -> None:  # noqa: N802
    handlers = {
        "Predict": grpc.unary_unary_rpc_method_handler(
            servicer.Predict,
            request_deserializer=ms_service_pb2.PredictRequest.FromString,
            response_serializer=ms_service_pb2.PredictReply.SerializeToString,
        )
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
