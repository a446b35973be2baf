"""Start the real TensorFlow Serving on one model: become its process."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "shared"))
from command_line import (  # noqa: E402
    MAX_BODY_BYTES,
    Options,
    exit_failed,
    exit_unavailable,
    parse_command_line,
    require_free_ports,
)

PROGRAM = "tensorflow_model_server"
REMEDY = f"install TensorFlow Serving so that {PROGRAM} is on PATH, or use its container image"
# With the default, four times the CPUs, calls fail with RESOURCE_EXHAUSTED at a concurrency of 8 on two CPUs.
GRPC_THREADS = 64
EVERY_ADDRESS = "0.0.0.0"
METRICS_PATH = "/monitoring/prometheus/metrics"


def main() -> None:
    options = parse_command_line()
    program = shutil.which(PROGRAM)
    if program is None:
        exit_unavailable(f"{PROGRAM} is not on PATH; {REMEDY}")
    require_free_ports(options)
    if not any((options.model_dir / "savedmodel").glob("*/saved_model.pb")):  # the server would wait for it for ever
        exit_failed(f"{options.model_dir / 'savedmodel'} has no version; export the model to savedmodel first")
    if options.host != EVERY_ADDRESS:
        sys.stderr.write(f"warning: TensorFlow Serving listens on every address, it can't be told {options.host}\n")
    monitoring = Path.cwd() / "monitoring.config"
    monitoring.write_text(f'prometheus_config {{ enable: true, path: "{METRICS_PATH}" }}\n')
    sys.stderr.flush()
    os.execv(program, command(program, options, monitoring))


def command(program: str, options: Options, monitoring: Path) -> list[str]:
    """Make the server's command line. It has no workers: its threads share one copy of the model."""
    channel = {
        "grpc.so_reuseport": 0,  # else a second server on the port would take half of the calls
        "grpc.max_receive_message_length": MAX_BODY_BYTES,
        "grpc.max_send_message_length": MAX_BODY_BYTES,
    }
    return [
        program,
        f"--model_name={options.model}",
        f"--model_base_path={options.model_dir / 'savedmodel'}",
        f"--rest_api_port={options.rest_port}",
        f"--port={options.grpc_port}",
        f"--grpc_max_threads={GRPC_THREADS}",
        f"--grpc_channel_arguments={','.join(f'{key}={value}' for key, value in channel.items())}",
        f"--tensorflow_intra_op_parallelism={options.threads}",
        "--tensorflow_inter_op_parallelism=1",
        f"--monitoring_config_file={monitoring}",
    ]


if __name__ == "__main__":
    main()
