"""A project folder: ``project.yaml``, its sources, its declarations and where its results lie."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

import churnml
from churnml.adapters.environment import PROJECT_FILE as PROJECT_FILE
from churnml.adapters.environment import with_environment as with_environment
from churnml.adapters.input_files import input_files
from churnml.adapters.outages import outage
from churnml.adapters.python_features import families_in
from churnml.adapters.suppression import Suppression, read_suppression
from churnml.errors import ProjectError, SourceError, SpecError, UnavailableError, UnknownNameError
from churnml.features import FAMILIES, Catalogue, Family, Feature, Wish, even_out
from churnml.features.declare import CalendarWish, HolidayRegions
from churnml.features.declared import family_of
from churnml.specs.delivery import DeliverySpec, check_names
from churnml.specs.health import INSUFFICIENT, HealthSpec
from churnml.specs.inputs import Input
from churnml.specs.metrics import MetricsSpec
from churnml.specs.models import FeaturesSpec, ModelSpec
from churnml.specs.monitoring import MonitoringSpec
from churnml.specs.parts import ModelParts, parts_of
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.project import ProjectSpec, check_calendar
from churnml.specs.reading import read_spec, utf_8_text
from churnml.specs.team import WITHOUT_A_FILE, TeamSpec, check_team_fits
from churnml.tables import EXCHANGE_RATES, TABLES
from churnml.timeline import end_of_data
from churnml.workdays import holidays_version

if TYPE_CHECKING:
    # pandas comes with them, and a look-up reads no rule
    from churnml.language.facts import Fact
    from churnml.rules.checking import RuleFinding, Rules

SQLITE = "sqlite:///"


def default_models() -> Path:
    """The declarations that ship with churnml: inside the wheel, or in the checkout it runs from."""
    package = Path(churnml.__file__).parent
    packed = package / "_models"
    return packed if packed.is_dir() else package.parents[1] / "models"


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file, whatever its path holds: a ``?`` would begin the URL's options."""
    return f"{SQLITE}file:{quote(str(path))}?uri=true" if "?" in str(path) else f"{SQLITE}{path}"


def database_of(url: str) -> Path | None:
    """The file of a :func:`sqlite_url`; None for any other URL."""
    name, _, options = url.removeprefix(SQLITE).partition("?")
    if not url.startswith(SQLITE) or options not in ("", "uri=true"):
        return None
    return Path(unquote(name.removeprefix("file:")) if options else name)


@dataclass(frozen=True)
class Project:
    """An opened project: its folder, and what its ``project.yaml`` says."""

    root: Path
    spec: ProjectSpec
    _models: dict[str, ModelSpec] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def work(self) -> Path:
        """The folder results are kept in; made where it is not there. Raises ProjectError, UnavailableError."""
        work = self.root / self.spec.stores.work
        try:
            work.mkdir(parents=True, exist_ok=True)
            ignore = work / ".gitignore"
            if not ignore.exists():
                ignore.write_text("# results of churnml; every file can be made again\n*\n", encoding="utf-8")
        except OSError as problem:
            if work.is_dir():  # it can be read, and whoever would write there is told
                return work.resolve()
            told = outage(problem, "The folder for results", str(work))
            raise (
                told
                if isinstance(told, UnavailableError)
                else ProjectError(
                    "The folder for results cannot be written.",
                    where=str(work),
                    remedy=f"Make it writable, or set stores: work: in {PROJECT_FILE}. ({problem.strerror})",
                )
            ) from None
        return work.resolve()

    @property
    def operational_url(self) -> str:
        """SQLAlchemy URL of the operational store. May hold a secret: never log it."""
        url = self._declared_store("operational")
        return sqlite_url(self.work / "churnml.db") if url is None else url

    @property
    def registry_url(self) -> str:
        """MLflow tracking URI. May hold a secret: never log it."""
        url = self._declared_store("registry")
        return sqlite_url(self.work / "mlflow.db") if url is None else url

    @property
    def engine_url(self) -> str | None:
        """Where the engine of the snapshots is. May hold a secret: never log it."""
        return self._declared_store("warehouse")

    def _declared_store(self, store: Literal["operational", "registry", "warehouse"]) -> str | None:
        declared: str | None = getattr(self.spec.stores, store)
        return with_environment(declared, f"{self.root / PROJECT_FILE}, stores: {store}") if declared else None

    @property
    def suppression(self) -> Suppression:
        """Whose rows are set aside at every reading: read from the file each time, for it may have grown."""
        return read_suppression(self.root, with_environment)

    @property
    def registry_is_local(self) -> bool:
        return not self.spec.stores.registry

    def today(self, machine: dt.date) -> dt.date:
        """The day it is for the project: after its data where it declares their end, else the machine's."""
        return end_of_data(self.spec.data_through) if self.spec.data_through else machine

    @property
    def model_names(self) -> tuple[str, ...]:
        return self.spec.models

    def input_paths(self, name: str, declared: Input) -> list[Path]:
        """The file or files of an input, in order of their names; raises ProjectError when there is none."""
        return input_files(self.root, name, declared).paths

    def source(self, table: str) -> Path | None:
        """``sources/<table>.sql``, or None when the project does not have that table."""
        path = self.root / "sources" / f"{table}.sql"
        return path if path.is_file() else None

    def check_sources(self) -> None:
        """Every ``sources/*.sql`` must be a text named after a contract table, and accounts must be there."""
        folder = self.root / "sources"
        for path in sorted(folder.glob("*.sql")):
            known = [*TABLES, EXCHANGE_RATES.name]
            if path.stem not in known:
                raise UnknownNameError("contract table", path.stem, known, where=str(path))
            utf_8_text(path, SourceError)
        if self.source("accounts") is None:
            raise ProjectError(
                "The project does not say where its accounts come from.",
                where=str(folder / "accounts.sql"),
                remedy="Write one SELECT over your inputs that gives account_id and created_at; "
                "'churnml init' writes an example.",
            )

    def check_inputs(self) -> None:
        """Every path of an input must be one that a file can have; raises ProjectError."""
        for name, declared in self.spec.inputs.items():
            path = declared.path or ""
            try:
                (self.root / path).exists()
                if "*" in path and not Path(path).is_absolute():
                    next(iter(self.root.glob(path)), None)
            except (OSError, ValueError) as problem:  # too long, or no pattern that can be
                why = problem.strerror if isinstance(problem, OSError) else problem
                raise ProjectError(
                    f"The path of input '{name}' cannot be followed ({why}).",
                    where=f"{self.root / PROJECT_FILE}, inputs: {name}: path:",
                    remedy="Correct the path (it is relative to the project folder).",
                ) from None

    def declaration(self, *parts: str) -> Path:
        """A file of ``models/``: the project's own if it has one, else the default."""
        return self._own(*parts) or default_models().joinpath(*parts)

    def model(self, name: str) -> ModelSpec:
        """The declaration of a model of this project; raises UnknownNameError or SpecError."""
        if name not in self.spec.models:
            raise UnknownNameError("model", name, self.spec.models, where=f"{self.root / PROJECT_FILE}, models:")
        if name in self._models:
            return self._models[name]
        path = self.declaration(name, "spec.yaml")
        if not path.is_file():
            known = {
                p.parent.name for root in (self.root / "models", default_models()) for p in root.glob("*/spec.yaml")
            }
            raise UnknownNameError("model", name, known, where=f"{self.root / PROJECT_FILE}, models:")
        spec = read_spec(ModelSpec, path, families=self.catalogue)
        if spec.name != name:
            raise ProjectError(
                f"The declaration of model '{name}' calls itself '{spec.name}'.",
                where=str(path),
                remedy=f"Set name: {name}.",
            )
        self._models[name] = spec
        return spec

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every feature family of the project: ours, those of ``models/features.yaml``, those of its Python file."""
        own = self._own_families()
        for family in own:
            if family.name in FAMILIES:
                raise SpecError(
                    f"There is a feature family '{family.name}' in the catalogue already.",
                    where=str(self.python_features),
                    remedy="Give yours another name.",
                )
        return FAMILIES | {family.name: family for family in own}

    def _own_families(self) -> list[Family]:
        path = self._own("features.yaml")
        declared = read_spec(FeaturesSpec, path).families if path else ()
        own = [family_of(family) for family in declared]
        own += families_in(self.python_features) if self.python_features else []
        return [even_out(family) for family in own]

    def _own(self, *parts: str) -> Path | None:
        """A file of ``models/`` if the project has it."""
        path = self.root.joinpath("models", *parts)
        return path if path.is_file() else None

    @property
    def python_features(self) -> Path | None:
        """The project's own file of feature families, if it declares one."""
        return self.root / self.spec.python_features if self.spec.python_features else None

    @property
    def own_features_fingerprint(self) -> str:
        """Names the content of the project's own feature declarations."""
        paths = [self.root / "models" / "features.yaml", *([self.python_features] if self.python_features else [])]
        return self.declarations_fingerprint(*(path for path in paths if path.is_file()))

    @cached_property
    def _declared_health(self) -> HealthSpec:
        return read_spec(HealthSpec, self.declaration("health.yaml"))

    @cached_property
    def health(self) -> HealthSpec:
        """The health score; its risk is that of the project's model of the risk, whatever it is called.

        Of what ships with churnml, as much as the project's features can say.
        """
        health, name = self._declared_health, self.parts.risk
        if name is not None and name != health.risk.model:
            health = health.model_copy(update={"risk": health.risk.model_copy(update={"model": name})})
        if self._own("health.yaml"):
            return health
        from churnml.health.default import as_far_as_possible

        return as_far_as_possible(health, self.possible_features(self.wish(self.model(self.main_model))))

    @cached_property
    def parts(self) -> ModelParts:
        """Which model gives the risk and which the chance to grow; raises ProjectError where that is not one each."""
        own, declared = self._own("health.yaml"), self._declared_health.risk
        asked = declared.model if own is not None and "model" in declared.model_fields_set else None
        specs = {name: self.model(name) for name in self.model_names}
        return parts_of(specs, asked, f"{self.root / PROJECT_FILE}, models:", "models/health.yaml")

    @property
    def main_model(self) -> str:
        """The model whose scales health is read by: that of the risk, else of the chance to grow, else the first."""
        return next(iter(self.parts.names), self.model_names[0])

    def risk_spec(self, why: str) -> ModelSpec:
        """The model of the risk; raises ProjectError that says ``why`` one is needed where the project has none."""
        if self.parts.risk is None:
            raise ProjectError(
                f"{why}, and no model of the project gives the risk.",
                where=f"{self.root / PROJECT_FILE}, models:",
                remedy="Add one, as churn, or declare part: risk in a model's spec.yaml.",
            )
        return self.model(self.parts.risk)

    @cached_property
    def playbooks(self) -> PlaybooksSpec:
        return read_spec(PlaybooksSpec, self.declaration("playbooks.yaml"), families=self.catalogue)

    def wish(self, spec: ModelSpec, event_names: Sequence[str] = ()) -> Wish:
        """What the families of a model are expanded over; ``event_names`` get features of their own."""
        asked, own = spec.features, self.spec
        window = spec.label.gap, spec.label.gap + spec.label.horizon
        regions = HolidayRegions(own.region, own.region_by)
        calendar = CalendarWish(window, regions, own.fiscal_year_starts, own.even_out_holidays)
        return Wish(asked.lookbacks, tuple(event_names), own.static, own.core_events, asked.half_lives, calendar)

    @property
    def holidays(self) -> str:
        """Names whose holidays are kept, by which version of their library; empty where none are."""
        declared = self.spec
        if not (declared.region or declared.region_by):
            return ""
        return f"{declared.region} {declared.region_by} {declared.even_out_holidays} {holidays_version()}"

    def possible_features(self, wish: Wish) -> dict[str, Feature]:
        """Every feature the catalogue can make of ``wish``, whatever tables there are."""
        return {feature.name: feature for family in self.catalogue.values() for feature in family.features(wish)}

    @cached_property
    def team(self) -> TeamSpec:
        """Who takes the work; without a ``team.yaml`` everybody takes what is theirs, as far as a list can be read."""
        path = self._own("team.yaml")
        return read_spec(TeamSpec, path) if path else WITHOUT_A_FILE

    @cached_property
    def delivery(self) -> DeliverySpec:
        """The receivers; none without a ``delivery.yaml``. Raises SpecError and UnknownNameError."""
        path = self._own("delivery.yaml")
        if path is None:
            return DeliverySpec()
        spec = read_spec(DeliverySpec, path)
        playbooks = [playbook.name for playbook in self.playbooks.playbooks]
        bands = [*(band.name for band in self.health.bands), INSUFFICIENT]
        check_names(spec, playbooks=playbooks, bands=bands, where=str(path))
        return spec

    @cached_property
    def monitoring(self) -> MonitoringSpec:
        """When a model is no longer what it was; raises SpecError, and UnknownNameError for a model in its triggers."""
        path = self.declaration("monitoring.yaml")
        spec = read_spec(MonitoringSpec, path)
        own = path.is_relative_to(self.root)
        for model in (name for trigger in spec.triggers for name in trigger.models):
            # what ships with churnml may speak of models that a project does not have
            if own and model not in self.model_names:
                raise UnknownNameError("model", model, self.model_names, where=f"{path}, triggers:")
        return spec

    @cached_property
    def metrics(self) -> MetricsSpec:
        """How revenue is reckoned; raises SpecError."""
        return read_spec(MetricsSpec, self.declaration("metrics.yaml"))

    @property
    def acting_files(self) -> dict[str, Path]:
        """Kind → file of what is declared about acting, those there are."""
        files = {kind: self.declaration(f"{kind}.yaml") for kind in ("health", "playbooks", "team")}
        return {kind: path for kind, path in files.items() if path.is_file()}

    @cached_property
    def risk_features(self) -> dict[str, Feature]:
        """Every feature the catalogue can make for the main model, by name."""
        return self.possible_features(self.wish(self.model(self.main_model)))

    @cached_property
    def named_facts(self) -> dict[str, Fact]:
        """The facts that the rules of the playbooks may name."""
        from churnml.rules.facts import known_facts

        return known_facts(self.health, self.risk_features, self.spec.static, self.catalogue)

    @cached_property
    def rules(self) -> Rules:
        """The rules of the playbooks, checked; raises SpecError or UnknownNameError."""
        from churnml.rules.checking import read_rules

        return read_rules(self.playbooks, str(self.declaration("playbooks.yaml")), self.named_facts)

    def rule_findings(self) -> tuple[RuleFinding, ...]:
        """What about the playbooks can be used, but is hardly meant."""
        from churnml.rules.checking import findings

        return findings(self.rules, self.named_facts)

    def check_declarations(self) -> None:
        """Reads every declaration once, so that a mistake shows before long work begins."""
        self.check_sources()
        self.check_inputs()
        for name in self.model_names:
            label, where = self.model(name).label, str(self.declaration(name, "spec.yaml"))
            check_calendar(self.model(name).features.families, self.spec, where)
            if label.population is not None:
                # it brings pandas, and a look-up reads no rule
                from churnml.snapshots.narrowing import check_population

                contracts = self.source("subscriptions") is not None
                check_population(label, self.spec.static, contracts=contracts, where=where)
        _ = self.parts
        _ = self.rules
        check_team_fits(self.playbooks, self.team, str(self.root / "models" / "team.yaml"))
        _ = self.delivery
        _ = self.monitoring
        _ = self.metrics

    @property
    def declared(self) -> str:
        """Names what stands in the project's own declarations, and in which files."""
        digest = hashlib.sha256()
        own = [self.root / PROJECT_FILE, *sorted((self.root / "models").rglob("*.yaml"))]
        for path in (*own, *([self.python_features] if self.python_features else [])):
            digest.update(f"{path}\n".encode())
            digest.update(path.read_bytes() if path.is_file() else b"")
        return digest.hexdigest()

    def declarations_fingerprint(self, *paths: Path) -> str:
        """Names the content of declaration files and of the program's version."""
        digest = hashlib.sha256(churnml.__version__.encode())
        for path in paths:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


def _require_utf_8(root: Path) -> None:
    """Raises ProjectError unless the folder's path can be written as text: the stores' URLs are text."""
    try:
        str(root.absolute()).encode("utf-8")
    except UnicodeEncodeError:
        shown = os.fsencode(root.absolute()).decode("utf-8", "backslashreplace")
        raise ProjectError(
            "The path of the project folder is not UTF-8.", where=shown, remedy="Rename the folder, or move it."
        ) from None


# folder as given, and as it is → the project that was opened there last, and what was declared then
_OPENED: dict[tuple[Path, Path], tuple[str, Project]] = {}


def open_project(root: Path) -> Project:
    """The project in the folder ``root``; raises ProjectError when it is none.

    A project whose declarations have not changed since it was opened in this process is not read again.
    """
    _require_utf_8(root)
    try:
        is_there = root.exists()
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else problem
        raise ProjectError(
            f"The project folder cannot be looked into ({why}).", where=str(root)[:300], remedy="Correct --project."
        ) from None
    if not is_there:
        raise ProjectError("The project folder is not there.", where=str(root), remedy="Correct --project.")
    path = root / PROJECT_FILE if root.is_dir() else root
    if path.name != PROJECT_FILE or not path.is_file():
        raise ProjectError(
            f"There is no {PROJECT_FILE} here, so this is not a project.",
            where=str(root),
            remedy="Run 'churnml init' for an empty project, 'churnml simulate --out DIR' for one to try, "
            "or name another folder with --project.",
        )
    key = path.parent, path.parent.resolve()
    declared, project = _OPENED.get(key, ("", None))
    if project is None or project.declared != declared:
        project = Project(path.parent, read_spec(ProjectSpec, path, ProjectError))
        _OPENED[key] = project.declared, project
    return project
