"""The pages of whoever steers. What is told of all accounts together is told to whoever may see them all."""

from __future__ import annotations

from collections.abc import Sequence

from churnml.errors import ChurnmlError, RegistryError
from churnml.ledger.dead_letters import by_reason
from churnml.ledger.monitoring import FigureKind
from churnml.modelling.tenure import RegisteredVersion
from churnml.pages.cockpit.models import (
    BREAKS_SHOWN,
    SCORINGS_SHOWN,
    ModelsView,
    ShownModel,
    aside_rows,
    bands_of_leavers,
    dead_key,
    quarters_of_leavers,
    receiver_counts,
    shown_break,
    shown_dead,
    shown_model,
)
from churnml.pages.cockpit.playbooks import PlaybooksView, playbooks_view
from churnml.web.cockpit import Asked, Cockpit
from churnml.web.forms import AskedError, SentForm, text_of
from churnml.web.people import NotAllowedError

# Of all that was ever watched, what the page shows of a model; drift is asked of the newest look alone.
SHOWN_KINDS: tuple[FigureKind, ...] = ("rolling", "realised", "expected", "leavers")


def playbooks_page(asked: Asked) -> PlaybooksView:
    """Every playbook, and whom it takes of the accounts that may be seen; raises TooLittleDataError.

    Effects and holdouts are measured on all accounts, and whoever looks after some might read from them whom not to
    call: they are told to whoever sees every account.
    """
    store, seen, as_of = asked.cockpit.store, asked.visitor.owners, asked.newest.as_of
    return playbooks_view(
        asked.cockpit.project.rules,
        as_of,
        store.taken_accounts(as_of, seen),
        [row for row in store.overflow(as_of) if seen is None or row.owner in seen],
        store.effects.all() if seen is None else None,
    )


def models_page(asked: Asked) -> ModelsView:
    """The models, the data and the deliveries.

    Raises:
        NotAllowedError: the visitor does not see every account, and all of it is about all of them.
        TooLittleDataError: nothing was scored yet.
    """
    if asked.visitor.owners is not None:
        raise NotAllowedError("This page is about all accounts together, and you see some of them.")
    cockpit, store, project = asked.cockpit, asked.cockpit.store, asked.cockpit.project
    breaks = store.watched.breaks()
    load = store.watched.newest()
    registry, versions = "", {}
    for name in project.model_names:
        try:
            versions[name] = cockpit.versions(name)
        except RegistryError as problem:
            registry = f"Why models are in use cannot be told: {problem.what}"
            break
    risk = project.health.risk.model
    quarters = quarters_of_leavers(store.monitoring.figures(risk, "leavers") if risk else ())
    return ModelsView(
        models=[_model(cockpit, name, versions.get(name, ())) for name in project.model_names],
        registry=registry,
        quarters=quarters,
        bands=bands_of_leavers(quarters, [band.name for band in project.health.bands]),
        load=load,
        aside=aside_rows(load),
        lasting=[shown_break(one) for one in breaks if one.ended_on is None],
        ended=[shown_break(one) for one in breaks if one.ended_on is not None][:BREAKS_SHOWN],
        scorings=store.late_scorings(SCORINGS_SHOWN),
        receivers=receiver_counts(store.outbox.counts()),
        dead=shown_dead(by_reason(store.outbox.dead())),
        may_revive=asked.visitor.may_run,
    )


def _model(cockpit: Cockpit, name: str, versions: Sequence[RegisteredVersion]) -> ShownModel:
    monitoring = cockpit.store.monitoring
    watches = monitoring.watches(name)
    watch = watches[-1] if watches else None
    figures = [figure for kind in SHOWN_KINDS for figure in monitoring.figures(name, kind)]
    if watch is not None:
        figures += monitoring.figures(name, "drift", [watch.as_of])
    return shown_model(name, versions, watch, figures)


def revive(asked: Asked, form: SentForm) -> None:
    """Has messages tried again that were given up for one reason.

    Raises:
        NotAllowedError: the visitor may not.
        AskedError: they do not say what was mended.
        ChurnmlError: no message is given up for that reason any more.
    """
    if not asked.visitor.may_run or asked.visitor.owners is not None:
        raise NotAllowedError("Deliveries are tried again by RevOps and administrators.")
    why = text_of(form, "why")
    if not why:
        raise AskedError("It is not said what was mended.", remedy="Say it: it is kept with what you did.")
    outbox, wanted = asked.cockpit.store.outbox, form.one("reason")
    reason = next((one for one in by_reason(outbox.dead()) if dead_key(one) == wanted), None)
    if reason is None:
        raise ChurnmlError("No message is given up for that reason any more.", remedy="Look at the page as it now is.")
    numbers = [delivery.delivery_id for delivery in reason.deliveries]
    outbox.revive_all(numbers, asked.cockpit.clock.now(), who=asked.visitor.name, why=why)
