"""The options of `wattline compare` that are about mechanisms."""

from collections.abc import Iterable, Mapping

from oracle.compare.rules import RULES, Rule
from oracle.errors import InvalidInputError
from oracle.market.mechanism import Setting
from oracle.scenario_files.fields import printable

Settings = dict[str, dict[str, float | str]]


def chosen_rules(text: str | None) -> tuple[type[Rule], ...]:
    """Return the mechanisms of a list with commas between, or all there are."""
    if text is None:
        return tuple(RULES.values())
    names = [name.strip() for name in text.split(",")]
    for position, name in enumerate(names):
        if name not in RULES:
            raise InvalidInputError(
                f"--mechanisms: expected some of {', '.join(RULES)}, got {printable(name)}"
            )
        if name in names[:position]:
            raise InvalidInputError(f"--mechanisms: expected each once, got {name} twice")
    return tuple(RULES[name] for name in names)


def chosen_settings(texts: Iterable[str]) -> Settings:
    """Return the settings per mechanism of texts `mechanism.key=value`."""
    found: Settings = {}
    for text in texts:
        place, _, value = text.partition("=")
        name, _, key = place.partition(".")
        rule = RULES.get(name)
        if rule is None:
            raise InvalidInputError(
                f"--set {printable(text)}: expected MECHANISM.KEY=VALUE with one of "
                f"{', '.join(RULES)}"
            )
        settings = {setting.key: setting for setting in rule.settings}
        if key not in settings:
            keys = ", ".join(settings) or "none"
            raise InvalidInputError(
                f"--set {printable(text)}: expected a setting of {name} ({keys})"
            )
        found.setdefault(name, {})[key] = _value(settings[key], text, value)
    return found


def with_default(settings: Settings, name: str, key: str, value: float) -> Settings:
    """Return the settings with one more, unless it is there or no mechanism has it."""
    rule = RULES.get(name)
    if rule is None or all(setting.key != key for setting in rule.settings):
        return settings
    own: Mapping[str, float | str] = settings.get(name, {})
    return settings | {name: {key: value, **own}}


def require_within(option: str, value: float | None, low: float, high: float) -> None:
    """Refuse what is no number between the two, infinities among it."""
    if value is not None and not low <= value <= high:
        raise InvalidInputError(
            f"{option}: expected a number in [{low:.15g}, {high:.15g}], got {value:g}"
        )


def _value(setting: Setting, text: str, value: str) -> float | str:
    if setting.choices:
        if value not in setting.choices:
            raise InvalidInputError(
                f"--set {printable(text)}: expected {' or '.join(setting.choices)}"
            )
        return value
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not setting.low <= number <= setting.high:
        raise InvalidInputError(
            f"--set {printable(text)}: expected a number in [{setting.low:.15g}, "
            f"{setting.high:.15g}]"
        )
    return number
