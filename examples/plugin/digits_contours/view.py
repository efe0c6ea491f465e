"""How many pixels each class has."""

from digits_core.extension import Options, Table, option


class AreaOptions(Options):
    """How areas are told."""

    millimetres: float = option(0.0, title="Millimetres per pixel", ge=0, help="0: areas in pixels.")


class Areas:
    """The extension that digits.plugins.view names."""

    name, title, accepts, ViewOptions = "areas", "Areas", ("segmentation",), AreaOptions

    def panels(self, image, answer, options):
        """One table: class and area."""
        unit = options.millimetres ** 2 or 1
        rows = [(row["label"], round(row["share"] * image.width * image.height * unit, 1))
                for row in answer["classes"]]
        return [Table(("Class", "mm²" if options.millimetres else "Pixels"), rows)]
