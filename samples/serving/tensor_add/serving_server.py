"""Serves servables/add until SIGTERM or SIGINT.

serving_server [GRPC_ADDRESS REST_ADDRESS]   (default: 127.0.0.1:5500 127.0.0.1:1500)
"""

import pathlib
import sys

from mindspore_serving import server


def main(grpc_address="127.0.0.1:5500", rest_address="127.0.0.1:1500"):
    directory = str(pathlib.Path(__file__).parent / "servables")
    # [START serve]
    config = server.ServableStartConfig(
        servable_directory=directory,
        servable_name="add",
        device_ids=0,
        num_parallel_workers=2,  # processes for the stages in Python
    )
    server.start_servables(servable_configs=config)
    server.start_grpc_server(address=grpc_address)
    server.start_restful_server(address=rest_address)
    # [END serve]


if __name__ == "__main__":
    main(*sys.argv[1:])
