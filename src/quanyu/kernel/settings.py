"""Every setting of a node: one table, one prefix (``QUANYU_``), one documented default.

Nothing else in the program reads the environment. A node's folder may hold ``quanyu.toml`` with
the same names; the environment goes before the file.
"""

import tomllib
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import to_json
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from quanyu.kernel.errors import Invalid

SETTINGS_FILE = "quanyu.toml"


class Settings(BaseSettings):
    """The settings table; ``docs/reference/settings.md`` is made from these descriptions."""

    model_config = SettingsConfigDict(env_prefix="QUANYU_", extra="forbid", frozen=True)

    dir: Path = Field(Path("city"), description="Folder that holds the node.")
    node_name: str = Field("quanyu.local", description="Name of this node; the log's origin.")
    title_zh: str = Field("全域", description="Name of the city's base in Chinese.")
    title_en: str = Field("quanyu", description="Name of the city's base in English.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    public_url: str | None = Field(
        None, description="URL that clients use, when it is not the address listened on."
    )
    workers: int = Field(2, ge=1, le=64, description="Server processes.")
    database_url: str | None = Field(
        None, description="Control store (SQLAlchemy URL); default SQLite in the node's folder."
    )
    storage_url: str | None = Field(
        None, description="Where tables are kept (file or s3 URL); default in the node's folder."
    )
    engine_memory: str = Field("1GB", description="Memory limit of one query engine.")
    engine_threads: int = Field(2, ge=1, description="Threads of one query engine.")
    cluster: str | None = Field(
        None,
        description="Address of a Ray cluster that statistics may be computed on (`host:port`, "
        "`auto`); needs `quanyu[distributed]`, and tables that every machine can open.",
    )
    statistics_engine: Literal["node", "cluster"] = Field(
        "node", description="Where statistics are computed when a request does not say."
    )
    cache_bytes: int = Field(
        4 << 30, ge=0, description="Disk for serving copies of restricted views, in bytes."
    )
    tile_cache_bytes: int = Field(
        64 << 20, ge=0, description="Memory for drawn tiles in each worker, in bytes; 0 for none."
    )
    download_cache_bytes: int = Field(
        1 << 30, ge=0, description="Disk for downloads that may be resumed, in bytes."
    )
    max_upload_bytes: int = Field(2 << 30, ge=1, description="Largest upload, in bytes.")
    allow_private_urls: bool = Field(
        False, description="Whether sources in private networks may be fetched."
    )
    harvest_max_bytes: int = Field(
        64 << 20, ge=1, description="Longest answer of a catalogue that is harvested, in bytes."
    )
    harvest_stalled_minutes: int = Field(
        15, ge=1, description="Minutes without progress after which a harvest is said to stall."
    )
    session_hours: int = Field(12, ge=1, description="Life of a browser session, in hours.")
    signature: Literal["ed25519", "ed25519+sm2"] = Field(
        "ed25519", description="Signatures on checkpoints; with SM2 both are given."
    )
    witnesses: list[str] = Field(
        [],
        description="Who cosigns this node's log: a verifier key (from their `/witness/key`), a "
        "space and the URL that `/add-checkpoint` follows.",
    )
    witnessed_logs: list[str] = Field(
        [],
        description="Logs that this node cosigns as a witness: verifier keys (from `/log/key`).",
    )
    timestamp_url: str | None = Field(
        None, description="Timestamp authority (RFC 3161) that the log's checkpoints are sent to."
    )
    timestamp_minutes: int = Field(
        60, ge=1, description="Minutes between two timestamps of the log."
    )
    area_code: str = Field(
        "000000",
        pattern=r"^\d{6}$",
        description="Administrative division code (GB/T 2260) in resource identifiers.",
    )
    time_zone: str = Field(
        "Asia/Shanghai",
        description="Time zone (IANA) in which pages, reports and mail tell times, and whose days "
        "deadlines are counted in.",
    )
    holidays_file: Path | None = Field(
        None,
        description="File of dates that are no working days (`2026-10-01 off`) or are worked at a "
        "weekend (`2026-10-10 work`), one a line.",
    )
    working_hours: str = Field(
        "09:00-12:00,14:00-18:00",
        description="Hours of a working day, in the time zone; deadlines in working hours are "
        "counted in them.",
    )
    work_categories_file: Path | None = Field(
        None,
        description="TOML file of categories of work orders and how soon each is to be done; its "
        "entries go before the shipped ones.",
    )
    registration: Literal["reviewed", "direct"] = Field(
        "reviewed",
        description="Whether entries of suppliers are published after a review, or at once.",
    )
    acceptance_days: int = Field(
        2, ge=1, le=60, description="Working days to accept or return an application."
    )
    review_days: int = Field(
        5, ge=1, le=120, description="Working days to review an accepted application."
    )
    publicity_days: int = Field(
        5, ge=0, le=120, description="Working days that an approved application is public; 0: none."
    )
    correction_days: int = Field(
        5, ge=1, le=120, description="Working days to answer a correction request."
    )
    correction_fix_days: int = Field(
        10, ge=1, le=250, description="Working days to put right what was accepted."
    )
    anonymous_corrections: bool = Field(
        False,
        description="Whether corrections may be asked for without an account, leaving a contact.",
    )
    feedback_per_hour: int = Field(
        20, ge=1, description="Messages or correction requests of one person in an hour."
    )
    health_weights: dict[str, int] = Field(
        {"freshness": 3, "quality": 3, "reach": 4, "liveness": 4, "jobs": 2},
        description="How much each part counts in the health of a resource; 0 leaves it out.",
    )
    probe_minutes: int = Field(
        30, ge=1, le=1440, description="Minutes between two looks at a service elsewhere."
    )
    approvals: int = Field(1, ge=1, le=9, description="Reviewers who must approve.")
    approvals_important: int = Field(
        2, ge=1, le=9, description="Reviewers who must approve where the grade is important."
    )
    checklist_file: Path | None = Field(
        None, description="TOML file of further items on the reviewers' checklist."
    )
    grading_file: Path | None = Field(
        None, description="TOML file of further rules by which data are classified and graded."
    )
    schemas_dir: Path | None = Field(
        None, description="Folder of JSON Schema files that add to what each kind of resource says."
    )
    classes_file: Path | None = Field(
        None,
        description="Classes of the government data catalogue (CSV: code, name_zh, name_en).",
    )
    trusted_proxies: list[str] = Field(
        [],
        description="Networks of reverse proxies (CIDR) whose X-Forwarded-For and "
        "X-Forwarded-Proto are believed, for agreements that ask where a caller is.",
    )
    networks_file: Path | None = Field(
        None,
        description="Networks and the administrative divisions they are in (CSV: network, "
        "division), for agreements that ask for a division.",
    )
    land_compatibility: Path | None = Field(
        None,
        description="Table of compatible land uses (CSV: scheme, planned, proposed, verdict); "
        "default the one shipped.",
    )
    land_tolerance_m: float = Field(
        0.1,
        ge=0,
        le=10,
        description="Width in metres below which an overlap of land is a sliver of digitising.",
    )
    land_rules: list[str] = Field(
        [], description="Ids of the land rules that projects are checked by; default all."
    )
    compute_workers: int = Field(
        2, ge=1, le=64, description="Analyses that one server process runs at a time."
    )
    compute_memory_bytes: int = Field(
        4 << 30, ge=0, description="Memory of one analysis, in bytes, from 1 GiB; 0 for no limit."
    )
    compute_seconds: int = Field(
        600,
        ge=1,
        description="Seconds that an analysis may take which the caller does not wait for.",
    )
    compute_wait_seconds: int = Field(
        60, ge=1, description="Seconds that an analysis may take while the caller waits for it."
    )
    compute_features: int = Field(
        1_000_000, ge=1, description="Most features that one analysis reads."
    )
    compute_result_bytes: int = Field(
        64 << 20, ge=1, description="Largest results of one analysis that are kept, in bytes."
    )
    algorithm_isolation: Literal["whole", "limits"] = Field(
        "whole",
        description="Whether algorithms that parties send run only where they can be isolated "
        "(bubblewrap and seccomp on Linux), or, where they cannot, by limits alone (`limits`: only "
        "for algorithms that are trusted).",
    )
    algorithm_seconds: int = Field(
        300, ge=1, description="Seconds of processor time that an algorithm sent may take."
    )
    algorithm_memory_bytes: int = Field(
        2 << 30, ge=1 << 29, description="Memory of an algorithm sent, in bytes."
    )
    algorithm_output_bytes: int = Field(
        1 << 20, ge=1, description="Largest outputs of an algorithm sent, in bytes."
    )
    algorithm_group: int = Field(
        10, ge=1, description="Rows that each group in the outputs of an algorithm must rest on."
    )
    private_set: int = Field(
        1_000_000, ge=1, description="Most identifiers of one side of a private set intersection."
    )
    jobs_per_party: int = Field(
        10, ge=1, description="Jobs of one party that wait or run at a time."
    )
    job_days: int = Field(
        7, ge=1, le=365, description="Days for which a job and its results are kept."
    )
    alert_days: int = Field(
        1_095, ge=1, description="Days for which alerts that are over are kept."
    )
    negotiation: Literal["manual", "automatic"] = Field(
        "manual",
        description="Whether offers that a peer takes unchanged are agreed on, and unchanged terms "
        "accepted, without a member deciding.",
    )
    negotiation_approvals: int = Field(
        1,
        ge=1,
        le=9,
        description="Members of the provider who must approve before a negotiated agreement is "
        "signed.",
    )
    tck: Literal["off", "on", "anyway"] = Field(
        "off",
        description="Seeded names for the compatibility kit of the Dataspace Protocol; `on` "
        "refuses to start beside published entries, `anyway` does not.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server for notices (`smtp://` with STARTTLS, `smtps://`, or "
        "`smtp+plain://` on the same machine; user and password in it).",
    )
    smtp_from: str | None = Field(None, description="Sender of the node's mail.")
    oidc_issuer: str | None = Field(
        None, description="OpenID provider (issuer URL) by which members may sign in."
    )
    oidc_client_id: str | None = Field(None, description="What the provider calls this node.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="The node's secret at the provider; none for a public client."
    )
    oidc_name_zh: str = Field("统一身份认证", description="Name of the provider in Chinese.")
    oidc_name_en: str = Field("Single sign-on", description="Name of the provider in English.")
    oidc_scopes: str = Field("openid profile email", description="Scopes asked of the provider.")
    oidc_auto_provision: bool = Field(
        False, description="Whether whom a rule of `oidc_rules` knows gets an account at once."
    )
    oidc_rules: list[dict[str, Any]] = Field(
        [],
        description="Which claims give which roles: `claim`, `value`, `party` (id), `roles`.",
    )
    erasure_days: int = Field(
        15, ge=0, le=90, description="Days of grace before an account is erased as asked."
    )
    synonyms: Path | None = Field(
        None,
        description="File of words that mean the same, for the search; default the one shipped.",
    )
    mqtt_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of the embedded MQTT broker, by which observations are sent; none: no "
        "broker.",
    )
    mqtt_host: str = Field(
        "127.0.0.1", description="Address that the embedded MQTT broker listens on."
    )
    mqtt_url: SecretStr | None = Field(
        None,
        description="MQTT broker outside (`mqtt://user:password@host:1883`, `mqtts://`) whose "
        "messages are taken in; who may send to it is decided there.",
    )
    nats_url: SecretStr | None = Field(
        None,
        description="NATS server with JetStream (`nats://user:password@host:4222`) whose messages "
        "are taken in; who may send to it is decided there.",
    )
    log_format: Literal["console", "json"] = Field("console", description="Form of log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    otlp_endpoint: str | None = Field(
        None, description="OpenTelemetry collector (OTLP over HTTP) that traces are sent to."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("this is no time zone; give a name such as Asia/Shanghai") from error
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then the environment, then the file in the folder that those two name."""
        known = {**env_settings(), **init_settings()}
        file = Path(known.get("dir", cls.model_fields["dir"].default)) / SETTINGS_FILE
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    @property
    def control_url(self) -> str:
        """The control store's URL, the default filled in."""
        return self.database_url or f"sqlite:///{self.dir.resolve() / 'control.sqlite'}"

    @property
    def tables_url(self) -> str:
        """Where Delta tables are kept, the default filled in."""
        return self.storage_url or str(self.dir.resolve() / "tables")

    @property
    def base_url(self) -> str:
        """The URL clients use, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def environment(self) -> dict[str, str]:
        """Variables by which another process of this machine has the same settings, secrets too;
        those that are not set are left out."""
        found = {}
        for name, value in self.model_dump(exclude_none=True).items():
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            said = plain if isinstance(plain, str) else to_json(plain).decode()
            found[f"QUANYU_{name.upper()}"] = said
        return found | {"QUANYU_DIR": str(self.dir.resolve())}


def load_settings(**options: Any) -> Settings:
    """The node's settings; ``options`` (those that are not ``None``) go before everything else.

    Raises :class:`Invalid` that names the setting.
    """
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except tomllib.TOMLDecodeError as error:
        raise Invalid(
            "the settings file is no TOML: {why}",
            field=SETTINGS_FILE,
            mend="see docs/reference/settings.md",
            why=error,
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise Invalid(
            "{why}",
            field=name,
            mend="see docs/reference/settings.md",
            why=first["msg"],
        ) from error
