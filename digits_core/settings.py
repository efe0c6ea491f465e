"""Where things are and what this server may do: made once from the environment, passed in everywhere."""

import os
import re
import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from digits_core.errors import InvalidOptions, Problem

PREFIX = "DIGITS_"


class Settings(BaseModel):
    """Each field is read from ``DIGITS_<FIELD IN CAPITALS>``; lists are separated by ``:``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    jobs_dir: Path = Field(default=Path("jobs"), description="Folder that holds every job; made when missing.")
    data_roots: list[Path] = Field(default=[], description="Server folders that users may read; empty: any.")
    demo: bool = Field(default=False, description="Start the built-in demo on an empty jobs folder.")
    server_name: str = Field(default_factory=socket.gethostname, description="Name shown in the page.")
    logfile_filename: str = Field(default="", description="The server's log; empty: `digits.log` in the jobs folder.")
    logfile_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="info", description="From which level on the log is written.")
    user: str = Field(default="", description="Name that the command line acts as; empty: the login name.")
    private_hosts: list[str] = Field(default=[], description="Hosts on private networks that downloads may use.")
    hosts: list[str] = Field(default=[], description="Host names beside localhost under which this server may be "
                             "asked; everything else is refused (DNS rebinding).")
    url_prefix: str = Field(default="", description="Path below which everything is, such as `/digits`, behind a proxy "
                            "that other services share; empty: `/`.")
    poll_s: float = Field(default=0.5, gt=0, description="Seconds between two looks of the scheduler.")
    grace_s: float = Field(default=30, ge=0, description="Seconds a stopped job gets to save before it is killed.")
    stall_s: float = Field(default=300, gt=0, description="Seconds without a sign of life until a job is 'stalled'.")
    dataset_slots: int = Field(default=2, ge=1, description="Dataset builds at the same time.")
    cpu_trainings: int = Field(default=max(1, (os.cpu_count() or 2) // 2), ge=1, description="Trainings on the CPU "
                               "at the same time.")
    inference_slots: int = Field(default=2, ge=1, description="Batch classifications and imports at the same time.")
    inference_idle_s: float = Field(default=600, gt=0, description="Seconds until the idle inference process ends.")
    inference_device: Literal["auto", "cpu", "gpu"] = Field(default="auto", description="Where predictions are made; "
                                                            "auto: on a GPU that no training holds, else the CPU.")
    inference_models: int = Field(default=4, ge=1, description="Models the inference process keeps loaded.")
    upload_mb: int = Field(default=20_000, ge=1, description="Largest upload in MB.")
    large_upload_gb: float = Field(default=500, gt=0, description="Largest resumable upload in GB.")
    upload_days: float = Field(default=7, gt=0, description="Days until a resumable upload that nobody goes on with, "
                               "or uses, is removed.")
    s3_cache_gb: float = Field(default=20, gt=0, description="GB on this server for copies of pictures from S3.")
    secrets_file: Path = Field(default=Path(".streamlit/secrets.toml"), description="TOML file with credentials: "
                               "`[s3.NAME]` with `endpoint`, `region`, `key`, `secret` (README).")
    notify_webhook: str = Field(default="", description="Address that gets a JSON message on events (Slack and "
                                "Mattermost understand it); or `env:NAME`, `file:PATH` where it stands.")
    notify_smtp: str = Field(default="", pattern=r"^([^:]+:[0-9]{1,5})?$", description="Mail server for "
                             "notifications, as `host:port`.")
    notify_smtp_security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="How the "
                                                                     "connection to the mail server is secured.")
    notify_smtp_user: str = Field(default="", description="Name at the mail server; empty: none is asked for.")
    notify_smtp_password: str = Field(default="", pattern="^((env|file):.+)?$", description="Where the password at "
                                      "the mail server stands: `env:NAME` or `file:PATH`, never the password itself.")
    notify_from: str = Field(default="", description="Sender of notification mails.")
    notify_to: list[str] = Field(default=[], description="Who gets notification mails.")
    notify_on: list[Literal["done", "failed", "stalled"]] = Field(default=[], description="Which events are told; "
                                                                  "empty: done, failed and stalled.")
    notify_page: str = Field(default="", description="Address of this server's page, for links in notifications.")
    custom_networks: Literal["auto", "on", "off"] = Field(
        default="auto", description="Whether networks that users write may run, as the user of this server; auto: only "
        "while it is asked from this machine alone (`DIGITS_HOSTS` is empty).")
    weights_dir: str = Field(default="", description="Folder with published weights (torchvision's files), used "
                             "before any download; empty: where torch keeps its own.")
    weights_url: str = Field(default="", pattern=r"^(none|https?://\S+)?$", description="Address of a mirror of "
                             "published weights; empty: where torchvision has them; `none`: nothing is downloaded.")
    model_store_url: str = Field(default="", description="Model stores beside this server's own, with ',' between "
                                 "them: folders, file:// or http(s) addresses laid out as DIGITS' catalogue.")
    team_store: str = Field(default="", description="Folder of the models that this team publishes, of which a web "
                            "server may serve `public`; empty: `.store` in the jobs folder.")
    publish_dir: str = Field(default="", description="Folder of a model repository (of Triton) that models may be "
                             "published into; empty: none.")
    publish_url: str = Field(default="", pattern=r"^(https?://\S+)?$", description="Address of an inference server "
                             "that models may be published to; their archive is posted to `/models` below it.")
    publish_token: str = Field(default="", pattern="^((env|file):.+)?$", description="Where the token of that server "
                               "stands: `env:NAME` or `file:PATH`, never the token itself.")
    plugins: bool = Field(default=True, description="Load installed extensions; off gives a clean bug report.")

    @field_validator("notify_from", "notify_to")
    @classmethod
    def _one_line(cls, value: str | list[str]) -> str | list[str]:
        """A line break in an address would write headers of a mail."""
        if any(ord(character) < 32 for part in ([value] if isinstance(value, str) else value) for character in part):
            raise ValueError("mail addresses hold no line breaks")
        return value

    @field_validator("url_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        """``/a/b`` however many slashes are around it; only what stands in an address as it is."""
        path = value.strip("/")
        if path and not all(re.fullmatch(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", part) for part in path.split("/")):
            raise ValueError("a path is wanted, such as /digits: letters, digits, '-', '_', '~' and dots, no address")
        return f"/{path}" if path else ""

    @field_validator("model_store_url")
    @classmethod
    def _addresses(cls, value: str) -> str:
        """As DIGITS says it: each must have a scheme; whole paths of folders do as well."""
        for address in filter(None, map(str.strip, value.split(","))):
            parts = urlsplit(address)
            if not (parts.hostname if parts.scheme in ("http", "https") else
                    parts.path.startswith("/") and parts.scheme in ("", "file") and not parts.netloc):
                raise ValueError(f'"{address}" is not a valid URL')
        return value

    @property
    def model_stores(self) -> list[str]:
        """The addresses of the model stores, each once."""
        return list(dict.fromkeys(filter(None, (one.strip().rstrip("/") for one in self.model_store_url.split(",")))))

    @property
    def page(self) -> str:
        """Where notifications say that the page is, with the prefix, whoever wrote it; "" when nobody said."""
        missing = self.notify_page and not self.notify_page.rstrip("/").endswith(self.url_prefix)
        return self.notify_page.rstrip("/") + self.url_prefix if missing else self.notify_page

    @property
    def team_folder(self) -> Path:
        """Where published models are: all that anybody may read; beside it lies what is the team's own."""
        return (_whole(Path(self.team_store)) if self.team_store else self.jobs_dir / ".store") / "public"

    @property
    def log_file(self) -> Path:
        """Where the server's own log goes."""
        return _whole(Path(self.logfile_filename)) if self.logfile_filename else self.jobs_dir / "digits.log"

    @property
    def runs_user_code(self) -> bool:
        """Whether custom networks are allowed here."""
        return self.custom_networks == "on" or (self.custom_networks == "auto" and not self.hosts)

    @classmethod
    def load(cls, environ: dict[str, str] | None = None) -> "Settings":
        """Read the settings of this process. Raises InvalidOptions naming every variable that is wrong."""
        environ = dict(os.environ) if environ is None else environ
        values: dict[str, object] = {}
        for name, field in cls.model_fields.items():
            text = environ.get(PREFIX + name.upper())
            if text is None or not text.strip():
                continue
            values[name] = _entries(PREFIX + name.upper(), text) if field.default == [] else text.strip()
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            raise InvalidOptions([Problem("", f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']} (got {e['input']!r})")
                                  for e in error.errors()]) from error
        return settings.model_copy(update={
            "jobs_dir": _whole(settings.jobs_dir), "secrets_file": _whole(settings.secrets_file),
            "data_roots": [_whole(root) for root in settings.data_roots]})


def _entries(variable: str, text: str) -> list[str]:
    """The entries of a list; one that is set but names nothing is refused, because an empty list means "any"."""
    entries = [part.strip() for part in text.split(":") if part.strip()]
    if not entries:
        raise InvalidOptions([Problem("", f"{variable}: {text!r} names nothing; unset it, or give entries with ':' "
                                      "between them")])
    return entries


def _whole(path: Path) -> Path:
    return path.expanduser().resolve()
