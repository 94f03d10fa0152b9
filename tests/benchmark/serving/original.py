"""original.py DIR GRPC_ADDRESS HTTP_ADDRESS: serves DIR/bench with MindSpore Serving, for run.py. Runs under an interpreter that has it."""
import sys

from mindspore_serving import server


def main():
    """Serves until it is ended."""
    directory, grpc, http = sys.argv[1:]
    config = server.ServableStartConfig(servable_directory=directory, servable_name="bench", device_ids=0, num_parallel_workers=1)
    server.start_servables(config, enable_lite=True)
    server.start_grpc_server(grpc, max_msg_mb_size=200)
    server.start_restful_server(http, max_msg_mb_size=200)
    print("serving bench", flush=True)


if __name__ == "__main__":
    main()
