"""Answer every prediction with one file, over nginx (REST) and nghttpd (gRPC): the floor of the client that asks.

The file is the model's first golden answer. Neither server reads more of a request than its head and its length.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "shared"))

import numpy as np  # noqa: E402
from command_line import Options, parse_command_line, require_free_ports  # noqa: E402
from supervisor import supervise  # noqa: E402

from bakeoff.schema import read_model  # noqa: E402
from bakeoff.wire import binary, grpc_message, tfserving, tfserving_server  # noqa: E402

FILE_OF = {binary.RAW: "raw", binary.SAFETENSORS: "safetensors"}

# Static files answer only GET: error_page turns the POST into one. One process, so that nothing changes its user.
NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    client_max_body_size 64m;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    open_file_cache max=16;
    map $content_type $reply {{
        default json;
        {raw} raw;
        {safetensors} safetensors;
    }}
    server {{
        listen {host}:{port};
        root replies;
        location = {path} {{ rewrite ^ /$reply last; }}
        location / {{ internal; default_type application/json; error_page 405 =200 $uri; }}
    }}
}}
"""


def write_replies(options: Options, folder: Path) -> None:
    """Write the answers: REST's under their encoding's name, gRPC's under its method's path."""
    model = read_model(options.model_dir / "model.json")
    outputs = model.outputs
    end = f"@{model.lengths[0]}" if model.lengths else ""
    with np.load(options.model_dir / "golden.npz", allow_pickle=False) as golden:
        arrays = {spec.name: golden[f"torch:{spec.name}{end}"][:1] for spec in outputs}
    document = tfserving_server.rest_reply(outputs, arrays, columnar=False)
    replies = {"json": json.dumps(document, default=np.ndarray.tolist).encode()}
    for asked, file in FILE_OF.items():
        replies[file] = binary.encode(outputs, arrays, binary.reply_type(outputs, asked), "output")
    message = tfserving_server.encode_grpc_reply(outputs, arrays, options.model, 1)
    replies[tfserving.grpc_path(options.model).lstrip("/")] = grpc_message.frame(message)
    for name, content in replies.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def main() -> int:
    options = parse_command_line(__doc__)
    require_free_ports(options)
    here = Path.cwd()
    write_replies(options, here / "replies")
    settings = {"host": options.host, "port": options.rest_port, "path": tfserving.rest_path(options.model)}
    config = NGINX.format(**settings, raw=binary.RAW, safetensors=binary.SAFETENSORS)
    (here / "nginx.conf").write_text(config, encoding="utf-8")
    nginx = ["nginx", "-p", str(here), "-c", "nginx.conf", "-e", "stderr"]
    nghttpd = ["nghttpd", "--no-tls", "--trailer=grpc-status: 0", f"--address={options.host}"]
    nghttpd += ["--htdocs", str(here / "replies"), str(options.grpc_port)]
    return supervise({"nginx": nginx, "nghttpd": nghttpd}, dict(os.environ))


if __name__ == "__main__":
    sys.exit(main())
