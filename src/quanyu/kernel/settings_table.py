"""The settings as a documentation page; ``python -m quanyu.kernel.settings_table`` prints it."""

import sys

from quanyu.kernel.settings import Settings


def settings_markdown() -> str:
    """``docs/reference/settings.md``, made from the settings' own descriptions."""
    rows = [
        f"| `QUANYU_{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Read from the environment at start-up; the command line's options go before them.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _default(value: object) -> str:
    return "none" if value is None else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(settings_markdown())
