"""The verbs of the desk that ask for something first: one form each, shown in a dialog or as a page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from cercle.people.circles.desks import Desk

from . import actions, forms, queries
from .models import OrientationRequest


@dataclass(frozen=True, slots=True)
class Dialog:
    """`build(desk, row, data)` gives the form; `act(desk, row, data, version)` does it with what the form read.

    `guarded`: what one decides depends on where the request stands; when a colleague has moved it since the dialog was
    opened, this is said and asked again, with what was typed.
    """

    title: Any
    button: Any
    build: Callable
    act: Callable
    guarded: bool = True


def _words(label: Any = "") -> Callable:
    return lambda desk, row, data: forms.TextForm(data, label=label)


def _decision(label: Any = "") -> Callable:
    return lambda desk, row, data: forms.DecisionForm(data, label=label, answered=bool(row.answered_at))


def _answer(desk: Desk, row: OrientationRequest, data):
    how = "web" if row.channel.startswith("web") or row.channel == "circle" else "phone"
    return forms.AnswerForm(data, initial={"text": row.outcome_text, "how": how})


def _name(desk: Desk, row: OrientationRequest, data):
    typed = {
        "family": row.person_family, "given": row.person_given, "birth_date": row.person_birth_date, "sex": row.person_sex or None,
        "phone": row.person_phone,
    }  # fmt: skip
    return forms.NameForm(data, initial={k: v for k, v in typed.items() if v})


def _accept_form(desk: Desk, row: OrientationRequest, data):
    role = row.assigned_role or desk.practice_role
    words = _("Un dossier de coordination est ouvert ; %(who)s devient l’interlocuteur de la personne.")
    start = {"referent": role.pk, "level": row.level or 2, "answer": words % {"who": role.practitioner.display_name}}
    if row.person_informed_at:
        start["informed_on"] = row.person_informed_at.date()
    known, _others = queries.lookalikes_of(desk, row)
    return forms.AcceptForm(
        data, roles=queries.colleagues(desk), known=known, initial=start, answered=bool(row.answered_at)
    )


def _accept(desk: Desk, row: OrientationRequest, data: dict, version: int | None) -> None:
    known, _others = queries.lookalikes_of(desk, row)
    actions.accept(
        desk, request=row, referent=data["referent"], level=data["level"], informed_on=data["informed_on"],
        patient=next((p for p in known if str(p.pk) == data.get("patient")), None), how=data["how"],
        answer_text=data["answer"], version=version,
    )  # fmt: skip


def _solicit(desk: Desk, row: OrientationRequest, data: dict, version: int | None) -> None:
    picked = data["pick"]
    chosen = {picked._meta.model_name: picked} if picked else {}
    actions.solicit(
        desk, request=row, what=data["what"], resource_name="" if picked else data["resource_name"],
        organization=chosen.get("organization"), role=chosen.get("practicerole"),
    )  # fmt: skip


DIALOGS: dict[str, Dialog] = {
    "repondre": Dialog(
        _l("Répondre au demandeur"), _l("Noter la réponse"), _answer,
        lambda desk, row, data, version: actions.answer(desk, request=row, **data, version=version),
    ),
    "nommer": Dialog(
        _l("Nommer la personne"), _l("Nommer"), _name,
        lambda desk, row, data, version: actions.name_person(desk, request=row, **data), guarded=False,
    ),
    "confier": Dialog(
        _l("Confier la demande"), _l("Confier"), lambda desk, row, data: forms.AssignForm(data, whom=queries.whom(desk)),
        lambda desk, row, data, version: actions.assign(desk, request=row, **data["to"], version=version),
    ),
    "solliciter": Dialog(
        _l("Solliciter une ressource"), _l("Solliciter"), lambda desk, row, data: forms.SolicitForm(data), _solicit, guarded=False
    ),
    "medecin": Dialog(
        _l("Médecin traitant"), _l("Noter"),
        lambda desk, row, data: forms.DoctorForm(data, initial={"informed": row.doctor_informed, "on": row.doctor_informed_on}),
        lambda desk, row, data, version: actions.set_doctor(desk, request=row, **data), guarded=False,
    ),
    "dossier": Dialog(_l("Ouvrir un dossier de coordination"), _l("Ouvrir le dossier"), _accept_form, _accept),
    "conseil": Dialog(
        _l("Information ou conseil donné"), _l("Noter ce conseil"), _decision(_l("Le conseil donné")),
        lambda desk, row, data, version: actions.close_advice(
            desk, request=row, advice=data["text"], how=data["how"], version=version
        ),
    ),
    "oriente": Dialog(
        _l("Orientée vers une ressource"), _l("Noter cette orientation"), _decision(_l("Qui prend le relais")),
        lambda desk, row, data, version: actions.close_oriented(
            desk, request=row, text=data["text"], how=data["how"], version=version
        ),
    ),
    "refuser": Dialog(
        _l("Hors de nos missions"), _l("Refuser la demande"), _decision(_l("La raison, et vers qui se tourner")),
        lambda desk, row, data, version: actions.refuse(
            desk, request=row, reason=data["text"], how=data["how"], version=version
        ),
    ),
    "retirer": Dialog(
        _l("Retirée par le demandeur"), _l("Noter le retrait"), _decision(_l("Ce qu’il en a dit")),
        lambda desk, row, data, version: actions.cancel(
            desk, request=row, reason=data["text"], how=data["how"], version=version
        ),
    ),
    "attente": Dialog(
        _l("Mettre en liste d’attente"), _l("Mettre en attente"), _words(_l("Ce qu’on attend, jusqu’à quand")),
        lambda desk, row, data, version: actions.wait_list(desk, request=row, reason=data["text"], version=version),
    ),
    "injoignable": Dialog(
        _l("Demandeur injoignable"), _l("Clore la demande"), _words(_l("Pourquoi aucune réponse ne peut lui être donnée")),
        lambda desk, row, data, version: actions.cannot_answer(desk, request=row, reason=data["text"], version=version),
    ),
    "rouvrir": Dialog(
        _l("Rouvrir la demande"), _l("Rouvrir"), _words(_l("Pourquoi")),
        lambda desk, row, data, version: actions.reopen(desk, request=row, reason=data["text"], version=version),
    ),
    "noter": Dialog(
        _l("Ajouter une note"), _l("Noter"), _words(_l("Note du guichet")),
        lambda desk, row, data, version: actions.add_note(desk, request=row, text=data["text"]), guarded=False,
    ),
}  # fmt: skip
