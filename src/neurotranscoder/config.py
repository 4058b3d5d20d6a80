"""One TOML file, and ``--set`` on top of it, become the settings that each package owns."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from neurotranscoder.analyse.transcoder import AnalyseSettings
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.preprocess.clean import EegCleanSettings
from neurotranscoder.preprocess.images import ImageSettings
from neurotranscoder.preprocess.study_settings import StudySettings
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.subject import SubjectSettings

_EXPERIMENTS = "experiments"


class ReconstructSettings(Settings):
    """How sources are estimated once a transcoder is trained."""

    fusion: Fusion = "joint"
    """'joint': what both modalities say together, as far as the EEG is about a region itself, and
    BOLD for the rest (networks from a random start: the sum); 'sum' of both estimates (paper
    4.3.3); 'zscored' before they are added."""


class Config(Settings):
    """All settings of a study; a section of the TOML file for each."""

    study: StudySettings = StudySettings()
    """What to read."""
    clean: EegCleanSettings = EegCleanSettings()
    """What `preprocess` does to raw EEG."""
    images: ImageSettings = ImageSettings()
    """What `preprocess` does to images."""
    align: AlignSettings = AlignSettings()
    """The group resolution."""
    train: TrainSettings = TrainSettings()
    """What to fit, and how."""
    subject: SubjectSettings = SubjectSettings()
    """What to fit of single subjects, and how."""
    paper_subject: PaperSubjectSettings = PaperSubjectSettings()
    """The paper's second stage of single subjects, where `--architecture paper` asks for it."""
    reconstruct: ReconstructSettings = ReconstructSettings()
    """How to estimate sources."""
    analyse: AnalyseSettings = AnalyseSettings()
    """What to read out of a trained transcoder."""


def load_config(path: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read settings.

    Parameters
    ----------
    path : Path, optional
        A TOML file, or the name of one of `experiment_names`; defaults where it is silent.
    overrides : sequence of str
        ``section.key=value`` on top of the file, values as in TOML.

    Returns
    -------
    config : Config
        Resolved and validated.

    Raises
    ------
    SettingsError
        For a missing or malformed file, an unknown key or an impossible value; all at once.
    """
    values: dict[str, Any] = _read_toml(path) if path else {}
    for override in overrides:
        _apply(values, override)
    try:
        return Config.model_validate(_merged(Config().model_dump(), values))
    except ValidationError as error:
        source = path.name if path else "settings"
        lines = [_explain(source, detail) for detail in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def experiment_names() -> tuple[str, ...]:
    """Return the names of the study files that are shipped, sorted."""
    folder = resources.files(__package__) / _EXPERIMENTS
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml")))


def experiment_file(name: str) -> str:
    """Return the text of a study file that is shipped, for `load_config` or to start from."""
    folder = resources.files(__package__) / _EXPERIMENTS
    return (folder / f"{name}.toml").read_text(encoding="utf-8")


def to_toml(config: Config) -> str:
    """Return resolved settings as TOML that `load_config` reads back to the same settings."""
    return "".join(_sections("", config.model_dump(mode="json", exclude_none=True)))


def _merged(defaults: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested defaults with values on top: a section keeps the keys it does not name."""
    merged = dict(defaults)
    for key, value in values.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if both and below is not None else value
    return merged


def _read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, or one that is shipped, or say why it cannot be read."""
    shipped = not path.is_file() and str(path) in experiment_names()
    try:
        if shipped:
            return tomllib.loads(experiment_file(str(path)))
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: no such settings file; check the path given to --config, or name a study "
            f"file of this package: {', '.join(experiment_names())}"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}); --config needs a TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}; correct that line") from None


def _apply(values: dict[str, Any], override: str) -> None:
    """Put one ``section.key=value`` into nested settings."""
    name, found, text = override.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not found or not all(keys):
        raise SettingsError(
            f"--set got {override!r}; it needs section.key=value, as in --set train.split.test=1"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    level = values
    for key in keys[:-1]:
        level = level.setdefault(key, {})
        if not isinstance(level, dict):
            raise SettingsError(f"--set {override}: {key} is a value and has no keys below it")
    level[keys[-1]] = value


def _explain(source: str, detail: ErrorDetails) -> str:
    """Turn a validation error into what, got, needed."""
    path = [str(part) for part in detail["loc"]]
    section = ".".join(path[:-1])
    if detail["type"] == "extra_forbidden":
        known = ", ".join(repr(key) for key in _known_keys(path[:-1]))
        return f"{source}: [{section}] has unknown key {path[-1]!r}; known keys are {known}"
    named = ".".join(part for part in path if "[" not in part)  # not of types that were tried
    return f"{source}: {named} = {detail['input']!r}: {_needed(detail)}"


def _needed(detail: ErrorDetails) -> str:
    """Return what a value needs to be, in words of TOML."""
    limits = detail.get("ctx", {})
    if detail["type"] == "tuple_type":
        return 'Input should be a list, as ["a", "b"]'
    if detail["type"] in ("model_type", "dict_type"):
        return "Input should be a section: name its keys, as --set section.key=value"
    if detail["type"] == "too_short":
        return f"Input should be a list of at least {limits['min_length']}"
    if detail["type"] == "too_long":
        return f"Input should be a list of at most {limits['max_length']}"
    return detail["msg"].removeprefix("Value error, ")


def _known_keys(section: Sequence[str]) -> list[str]:
    """Return the keys of a section."""
    model: Any = Config
    for name in section:
        field = model.model_fields.get(name)
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return list(model.model_fields)


def _sections(name: str, values: Mapping[str, Any]) -> list[str]:
    """Write nested settings as TOML sections, plain values first."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    nested = {key: value for key, value in values.items() if isinstance(value, dict)}
    lines = [f"{key} = {_toml(value)}\n" for key, value in plain.items()]
    text = [f"[{name}]\n", *lines, "\n"] if name and lines else lines
    for key, value in nested.items():
        text += _sections(f"{name}.{key}" if name else key, value)
    return text


def _toml(value: object) -> str:
    """Write one value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return repr(value)
