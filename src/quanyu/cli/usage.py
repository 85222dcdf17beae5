"""Words that no command takes, said as every error is: in one line, with the word and the mend."""

import re
from typing import TYPE_CHECKING, Any

from quanyu.kernel import Invalid

if TYPE_CHECKING:
    from typer.exceptions import TyperException

_NO_COMMAND = re.compile(r"No such command '(?P<field>.*?)'\.(?: Did you mean (?P<near>.*)\?)?")
_NO_PLACE = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((?P<field>.*)\)")
_PREFIX = "Value error, "
_OF_OPTION = re.compile(r"Option '.*?' (?=requires|does)")


def invalid_of(error: "TyperException") -> Invalid | None:
    """What the framework refused, as an error of the house; ``None`` where it has shown the help
    of a command that was given nothing."""
    said: Any = error
    message = str(getattr(said, "message", said)).removeprefix(_PREFIX)
    mend = _help(said)
    parameter, option = getattr(said, "param", None), getattr(said, "option_name", None)
    if parameter is not None:
        return Invalid(
            "{why}", field=_name(parameter), mend=mend, why=_sentence(message) or "this is needed"
        )
    if option is not None:
        near = ", ".join(getattr(said, "possibilities", None) or ())
        if message.startswith("No such option"):
            return _unknown("there is no such option", option, near, mend)
        why = _sentence(_OF_OPTION.sub("it ", message))
        return Invalid("{why}", field=option, mend=mend, why=why)
    if found := _NO_COMMAND.match(message):
        near = (found["near"] or "").replace("'", "")
        return _unknown("there is no such command", found["field"], near, mend)
    if found := _NO_PLACE.match(message):
        return Invalid("nothing more is taken here", field=found["field"], mend=mend)
    return Invalid("{why}", mend=mend, why=_sentence(message)) if message.strip() else None


def _unknown(what: str, field: str, near: str, mend: str) -> Invalid:
    return Invalid(what, field=field, mend=f"use {near}, or {mend}" if near else mend)


def _help(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return f"see {context.command_path if context else 'quanyu'} --help"


def _name(parameter: Any) -> str:
    """An option as it is typed, an argument by its name."""
    options: list[str] = getattr(parameter, "opts", None) or []
    longest = max(options, key=len, default="")
    return longest if longest.startswith("-") else str(parameter.name)


def _sentence(message: str) -> str:
    line = " ".join(message.split()).removesuffix(".")
    return line[:1].lower() + line[1:]
