"""The door to S3: lists and reads objects of any S3-compatible service, and says in words what is in the way.

Keys are signed with by botocore and shown to nobody. Where credentials name the service, the administrator has allowed
it; a public bucket is asked without credentials, and every connection to it passes the guard of downloads.
"""

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import botocore.config
import botocore.exceptions
import botocore.session
import httpcore
import urllib3.exceptions
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from digits_core.credentials import S3Credentials
from digits_core.errors import DigitsError, Unsafe
from digits_core.safe.fetch import Times, guarded_pool, host_of, timeouts, trusted
from digits_core.safe.paths import printable

CONNECTIONS = 12
"""Objects that are read at the same time."""
PIECE = 1 << 20
_GONE = ("NoSuchKey", "PreconditionFailed", "404", "412")
_BUSY = ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable", "503",
         "TooManyRequests", "429", "InternalError", "500", "RequestTimeout")
_KEY = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "InvalidToken", "ExpiredToken",
        "AuthFailure", "TokenRefreshRequired", "AuthorizationHeaderMalformed")


class S3Failure(DigitsError):
    """Why S3 does not give what it should; ``where`` is what to change: endpoint, credentials or bucket."""

    def __init__(self, text: str, where: str = "bucket") -> None:
        super().__init__(text)
        self.where = where


class Gone(S3Failure):
    """The object is not there, or is another one than when it was listed."""


class S3Object(NamedTuple):
    """One object: its key, the mark of its content, and its bytes."""

    key: str
    etag: str
    size: int


class Bucket:
    """One bucket of a service. Its methods may be called from several threads; all raise S3Failure.

    Without ``patient`` a service that does not answer is given up in seconds, for a form that waits.
    """

    def __init__(self, name: str, credentials: S3Credentials, private_hosts: Collection[str] = (),
                 patient: bool = True) -> None:
        self.name, self.credentials = name, credentials
        if credentials.buckets and name not in credentials.buckets:
            raise S3Failure(f"The credentials {credentials.name!r} are not for the bucket {name!r}; they are for "
                            f"{', '.join(credentials.buckets)}.")
        try:
            self.client = _client(credentials, patient)
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            raise self._failure(error) from None
        self.guarded = None if credentials.name else _Guarded(private_hosts, Times(read=60 if patient else 4))
        if self.guarded is not None:
            self.client.meta.events.register("before-send.s3", self.guarded)

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.guarded is not None:
            self.guarded.close()

    def folders(self, prefix: str) -> list[str]:
        """The names between ``prefix`` (ends with '/' or is empty) and the next '/', of the first page."""
        page = self._call("list_objects_v2", Prefix=prefix, Delimiter="/")
        return [str(one["Prefix"])[len(prefix):-1] for one in page.get("CommonPrefixes", [])]

    def pages(self, prefix: str, size: int = 1000) -> Iterator[list[S3Object]]:
        """All objects whose keys begin with ``prefix``, a page at a time, in the order of their keys."""
        more: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=prefix, MaxKeys=size, **more)
            yield [S3Object(one["Key"], one.get("ETag", "").strip('"'), one["Size"])
                   for one in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def find(self, key: str) -> S3Object | None:
        """The object with this very key."""
        try:
            head = self._call("head_object", Key=key)
        except Gone:
            return None
        return S3Object(key, head.get("ETag", "").strip('"'), head["ContentLength"])

    def read(self, wanted: S3Object, file: BinaryIO, go_on: Callable[[], None] = lambda: None) -> None:
        """Write an object over ``file``, which is not longer. Raises Gone when it has changed since it was listed.

        ``go_on`` is called for every piece, and may raise to end it.
        """
        for attempt in range(3):
            try:
                self._copy(wanted, file, go_on)
                return
            except (botocore.exceptions.BotoCoreError, urllib3.exceptions.HTTPError, OSError) as error:
                if attempt == 2:
                    raise self._failure(error) from None

    def _copy(self, wanted: S3Object, file: BinaryIO, go_on: Callable[[], None]) -> None:
        answer = self._call("get_object", Key=wanted.key, IfMatch=f'"{wanted.etag}"')
        file.seek(0)  # and no shorter meanwhile: its size is the room that it takes
        for piece in answer["Body"].iter_chunks(PIECE):
            go_on()
            file.write(piece)
            if file.tell() > wanted.size:
                break
        answer["Body"].close()
        if file.tell() != wanted.size:
            raise OSError(f"{file.tell()} of {wanted.size} bytes came")

    def _call(self, name: str, **words: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self.client, name)(Bucket=self.name, **words)
            return answer
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, Unsafe, ValueError) as error:
            raise self._failure(error) from None

    def _failure(self, error: Exception) -> S3Failure:
        if isinstance(error, botocore.exceptions.ClientError):
            return self._refused(error)
        endpoint = self.credentials.endpoint or "AWS"
        if isinstance(error, botocore.exceptions.NoCredentialsError | botocore.exceptions.PartialCredentialsError
                      | botocore.exceptions.ProfileNotFound | botocore.exceptions.CredentialRetrievalError
                      | botocore.exceptions.TokenRetrievalError):
            return S3Failure(f"The S3 credentials {self.credentials.name!r} have no key, and AWS' own chain finds none "
                             "on this server.", "credentials")
        if isinstance(error, Unsafe):
            return S3Failure(f"{endpoint} {error}", "endpoint")
        if isinstance(error, ValueError):
            return S3Failure(f"{printable(endpoint)!r} is no address of an S3 service: write https://host.", "endpoint")
        return S3Failure(f"The S3 service at {endpoint} cannot be reached ({type(error).__name__}).", "endpoint")

    def _refused(self, error: botocore.exceptions.ClientError) -> S3Failure:
        """Only the code of the answer is told: a hostile service could put anything into its message."""
        code = re.sub(r"[^A-Za-z0-9._-]", "", str(error.response.get("Error", {}).get("Code", "")))[:60]
        whose = f"the credentials {self.credentials.name!r}" if self.credentials.name else "everybody"
        if code == "NoSuchBucket" or (code == "404" and error.operation_name.startswith("List")):
            return S3Failure(f"There is no bucket {self.name!r} at {self.credentials.endpoint or 'AWS'}.")
        if code in _GONE:
            return Gone("is not there any more, or was changed meanwhile")
        if code in _KEY:
            return S3Failure(f"The S3 service does not accept the key of {whose} ({code}).", "credentials")
        if code in ("RequestTimeTooSkewed", "RequestExpired"):
            return S3Failure("The clock of this server and that of the S3 service differ too much: set this server's "
                             "clock (NTP).", "credentials")
        if code in ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "401"):
            return S3Failure(f"The S3 service does not allow {whose} to list and read the bucket {self.name!r} "
                             f"({code})." + ("" if self.credentials.name else " Choose credentials."), "credentials")
        if code in _BUSY:
            return S3Failure(f"The S3 service is too busy ({code}); it was asked several times. Resume later.",
                             "endpoint")
        return S3Failure(f"The S3 service answers with {code or 'an error'}.", "endpoint")


def _client(credentials: S3Credentials, patient: bool) -> Any:
    session = botocore.session.Session(profile=credentials.profile or None)
    config = botocore.config.Config(
        connect_timeout=5 if patient else 2, read_timeout=60 if patient else 4, max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 8 if patient else 1},
        signature_version=None if credentials.name else botocore.UNSIGNED,
        # other services than AWS know neither its newer checksums nor, mostly, host names for buckets
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
        s3={"addressing_style": "path" if credentials.endpoint else "auto"})
    return session.create_client(
        "s3", region_name=credentials.region or session.get_config_variable("region") or "us-east-1",
        endpoint_url=credentials.endpoint or None, aws_access_key_id=credentials.key or None,
        aws_secret_access_key=credentials.secret or None, aws_session_token=credentials.token or None, config=config)


class _Guarded:
    """Sends botocore's requests itself, over connections to judged addresses only."""

    def __init__(self, private_hosts: Collection[str], times: Times) -> None:
        self.private_hosts = {name.lower() for name in private_hosts}
        self.times = times
        self.pools = [guarded_pool(allowed, CONNECTIONS, trusted()) for allowed in (False, True)]

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """The answer, its body still to be read. Its events call this for every request, repeated ones too."""
        try:
            pool = self.pools[host_of(request.url) in self.private_hosts]
            headers = [(name.encode(), value if isinstance(value, bytes) else str(value).encode())
                       for name, value in request.headers.items()]
            answer = pool.handle_request(httpcore.Request(
                request.method, request.url, headers=[*_host_header(request, headers), *headers],
                extensions=timeouts(self.times)))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise botocore.exceptions.ConnectionError(error=error) from error
        found = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
        return AWSResponse(request.url, answer.status, botocore.awsrequest.HeadersDict(found), _Raw(answer))

    def close(self) -> None:
        for pool in self.pools:
            pool.close()


def _host_header(request: AWSPreparedRequest, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    if any(name.lower() == b"host" for name, _ in headers):
        return []
    return [(b"Host", str(request.url).split("/")[2].encode())]


class _Raw:
    """A body as botocore reads it: in pieces of any size, once."""

    def __init__(self, answer: httpcore.Response) -> None:
        self.answer, self.pieces, self.rest = answer, answer.iter_stream(), b""

    def read(self, amt: int | None = None, decode_content: bool = False) -> bytes:
        wanted = math.inf if amt is None else amt
        try:
            while len(self.rest) < wanted and (piece := next(self.pieces, b"")):
                self.rest += piece
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise OSError(str(error)) from error
        size = len(self.rest) if amt is None else amt
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def stream(self, amt: int = PIECE, decode_content: bool = False) -> Iterator[bytes]:
        while piece := self.read(amt):
            yield piece

    def close(self) -> None:
        self.answer.close()
