"""What jobs can be told about places in S3; any of their folders and files may be one: ``s3://bucket/path``."""

from collections.abc import Sequence
from pathlib import Path

from digits_core.errors import DigitsError, Problem
from digits_core.options import Options, option, option_fields
from digits_core.safe import is_url
from digits_core.safe.places import S3Place, is_s3, s3_place


class S3Access(Options):
    """Who asks, and where. The keys themselves are known to the administrator only."""

    s3_credentials: str = option("", title="S3 credentials", group="S3",
                                 help="The name of credentials that the administrator set up; they name the service. "
                                      "Empty: the bucket is public.")
    s3_endpoint: str = option("", title="S3 endpoint", group="S3",
                              help="The address of the service of a public bucket, https://host. Empty: AWS, or the "
                                   "service that the credentials are for.")

    def s3_places(self) -> dict[str, S3Place]:
        """The place of each field that is asked for and names one. Raises Unsafe for one that makes no sense."""
        values = self.model_dump()
        return {field.name: s3_place(values[field.name]) for field in option_fields(type(self))
                if field.kind in ("folder", "path") and field.matters(values) and is_s3(values[field.name])}

    def place_problems(self, field: str) -> list[Problem]:
        """What is wrong with the place that a field names; whether it is there is asked when the rest is right."""
        try:
            s3_place(getattr(self, field))
        except DigitsError as error:
            return [Problem(field, str(error))]
        return []

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Two endpoints, or one that is no address."""
        found = super().problems(roots)
        if self.s3_endpoint.strip() and not is_url(self.s3_endpoint):
            found.append(Problem("s3_endpoint", "Write the whole address, https://host."))
        elif self.s3_endpoint.strip() and self.s3_credentials.strip():
            found.append(Problem("s3_endpoint", "Credentials name their service themselves; leave this empty."))
        return found


class S3Options(S3Access):
    """The same for jobs that need the files once, and leave none of them."""

    s3_keep: bool = option(True, title="Keep copies on this server", group="S3",
                           help="In the server's bounded cache, for the next dataset; off: they go after the build.")
