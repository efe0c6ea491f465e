"""What the publishing of a model can be told: described once."""

from collections.abc import Sequence
from pathlib import Path

from digits_core.errors import Problem
from digits_core.modelstore.team import slug
from digits_core.options import Options, option


class PublishOptions(Options):
    """What goes with a model into the team's store."""

    publish_as: str = option("", title="Publish as", group="Published model",
                             help="The name of the published model; with one that there is already this becomes its "
                                  "next version.")
    note: str = option("", title="Note", group="Published model", kind="text", help="What it is for, what changed.")
    trained_on: str = option("", title="Data sets", group="Published model", help="Empty: the name of its dataset.")
    license: str = option("", title="License", group="Published model", help="Its name, such as MIT.")
    license_text: str = option("", title="License text", group="Published model", kind="text", advanced=True)
    anyway: str = option("", title="Publish anyway, because", group="Published model", advanced=True,
                         help="Publishes it although it gets pins wrong. The reason is shown with the version.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A name that leaves nothing for an address."""
        return [] if slug(self.publish_as) else [Problem("publish_as", "A name with letters or digits is needed.")]
