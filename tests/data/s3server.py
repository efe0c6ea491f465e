"""A real S3 server (moto's) on loopback, with a bucket, and who may read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.config
import botocore.session
import httpx
from moto.server import ThreadedMotoServer

SECRET = "canary-secret-zfyqEjWQ8Jp0"


class S3:
    """The server's address, a client for what a test must prepare, and the request lines that it got."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = client(endpoint)

    def upload(self, folder: Path, bucket: str, prefix: str = "", **how: str) -> None:
        """All files of a folder as objects."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.client.put_object(Bucket=bucket, Key=f"{prefix}{path.relative_to(folder)}", Body=path.read_bytes(),
                                   **how)


    def user_without_permission(self) -> tuple[str, str]:
        """Key and secret of somebody who may do nothing."""
        people = client(self.endpoint, service="iam")
        people.create_user(UserName="nobody")
        pair = people.create_access_key(UserName="nobody")["AccessKey"]
        return pair["AccessKeyId"], pair["SecretAccessKey"]

    def judge_from_now_on(self) -> None:
        """Until now everybody may do everything."""
        httpx.post(f"{self.endpoint}/moto-api/reset-auth", content="0").raise_for_status()


def client(endpoint: str, key: str = "test", secret: str = SECRET, service: str = "s3") -> Any:
    return botocore.session.Session().create_client(
        service, region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
        config=botocore.config.Config(s3={"addressing_style": "path"}))


@contextmanager
def s3_server() -> Iterator[S3]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3(f"http://{host}:{port}")
    finally:
        httpx.post(f"http://{host}:{port}/moto-api/reset-auth", content="inf").raise_for_status()  # of the process
        server.stop()
