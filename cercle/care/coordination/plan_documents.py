"""The plan as data: one snapshot, from which come the PPCS, the PPS, the PSI, the frozen versions and their comparison.

whole = snapshot(acting, plan)             # every part, with its category and mask
parts = seen_by(acting, whole)             # what this reader may see, and no word about the rest
pdf.render(TEMPLATE, pdf_data(acting, parts, "ppcs", plan=plan))
"""

import difflib
import hashlib
import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common import blobs
from cercle.base.web import french
from cercle.care.questionnaires.models import Response
from cercle.care.questionnaires.queries import score_label
from cercle.people.circles import rights
from cercle.people.circles.access import Acting, relation_label
from cercle.people.circles.faces import Face, faces
from cercle.people.circles.vocabulary import Category, Form, MemberKind, Reader
from cercle.people.directory.queries import logo_of
from cercle.people.patients.models import Contact, TreatingDoctor
from cercle.people.patients.names import title

from .models import Action, CarePlan
from .vocabulary_plan import (
    GOING,
    OPEN_ACTIONS,
    TITLES,
    ActionState,
    Decided,
    GivenBy,
    GoalState,
    PlanKind,
    PlanState,
    Priority,
)

TEMPLATE = Path(__file__).parent / "pdf" / "plan.typ"
TYPE_CODE = "18776-5"  # JDV_J07: plan personnalisé de soins
CARE = {Category.MEDICAL, Category.NURSING, Category.PSYCHOLOGICAL}  # PAERPA ORG-009; the rest is ORG-010


# --- The snapshot ------------------------------------------------------------------------------------------------------


def snapshot(acting: Acting, plan: CarePlan, *, people: list[Face] | None = None) -> dict:
    """Plain JSON of all the parts; the number of statements does not depend on how many they are."""
    people = faces(acting) if people is None else people
    actions: dict[Any, list[dict]] = {}
    for a in Action.objects.filter(goal__plan=plan).order_by("position", "id"):
        actions.setdefault(a.goal_id, []).append(
            {
                "id": str(a.pk), "label": a.label, "owner": a.owner_name, "owner_label": a.owner_label, "owner_kind": a.owner_kind,
                "member": str(a.owner_member_id or ""), "due_on": _iso(a.due_on), "state": a.state, "reason": a.reason,
            }
        )  # fmt: skip
    goals = [
        {
            "id": str(g.pk), "label": g.label, "why": g.why, "measure": g.measure, "priority": g.priority, "negotiated": g.negotiated,
            "state": g.state, "unmet_reason": g.unmet_reason, "problem": str(g.problem_id or ""), "actions": actions.get(g.pk, []),
            **_rights(g),
        }
        for g in plan.goals.order_by("position", "id")
    ]  # fmt: skip
    problems = [
        {"id": str(p.pk), "code": p.code, "label": p.label, "detail": p.detail, **_rights(p)}
        for p in plan.problems.filter(ended_at=None).order_by("position", "id")
    ]
    agreement = plan.agreements.filter(number=plan.number).order_by("-id").first()
    return {
        "number": plan.number,
        "state": plan.state,
        "at": timezone.now().isoformat(),
        "wish": plan.wish,
        "project": plan.project,
        "synthesis": plan.synthesis,
        "synthesis_category": plan.synthesis_category,
        "contingency": plan.contingency,
        "no_unmet": plan.no_unmet,
        "referent": {"name": plan.referent_name, "label": plan.referent_label},
        "doctor": _doctor(acting),
        "review_on": _iso(plan.review_on),
        "review_note": plan.review_note,
        "category": plan.category,
        "hidden": plan.hidden,
        "problems": problems,
        "goals": goals,
        "agreement": _agreement(agreement) if agreement else None,
        "signatures": signatures(plan, plan.number),
        "scores": _scores(acting),
        "near": _near(acting),
        "team": [
            {
                "name": f.name,
                "label": f.label or f.word,
                "place": f.place,
                "role": f.role,
                "users": [str(u) for u in f.users],
            }
            for f in people
            if f.kind not in (MemberKind.CONNECTOR, MemberKind.PATIENT)
        ],
    }


def signatures(plan: CarePlan, number: int) -> list[dict]:
    return [
        {
            "name": s.author_name,
            "label": s.author_label,
            "at": s.signed_at.isoformat(),
            "user": str(s.author_user_id or ""),
        }
        for s in plan.signatures.filter(number=number).order_by("id")
    ]


def _scores(acting: Acting) -> list[dict]:
    """The last answer to each scored form: the estimated GIR first, then the newest."""
    rows = (
        Response.objects.filter(circle__in=acting.circles)
        .finished()
        .exclude(scores={})
        .select_related("questionnaire")
        .defer("data", "typed", "questionnaire__data")
        .order_by("questionnaire__slug", "-finished_at", "-id")
        .distinct("questionnaire__slug")
    )
    found = sorted(rows, key=lambda r: (r.questionnaire.slug != "aggir", -r.finished_at.timestamp()))
    return [
        {
            "id": str(r.pk), "label": said if r.questionnaire.slug == "aggir" else f"{r.questionnaire.title} : {said}",
            "at": timezone.localdate(r.finished_at).isoformat(), **_rights(r),
        }
        for r in found
        if (said := score_label(r))
    ][:6]  # fmt: skip


def _near(acting: Acting) -> list[list[str]]:
    """[[« Personne de confiance », « Soazig LE GALL, fille, 06 … »]]: a social information, as in her record."""
    found = []
    for c in Contact.objects.current().of(acting.circle_id).order_by("-is_legal_rep", "-is_trusted", "id"):
        roles = {
            _("représentant légal"): c.is_legal_rep, _("personne de confiance"): c.is_trusted,
            _("à prévenir en urgence"): c.is_emergency, _("proche aidant"): c.is_carer,
        }  # fmt: skip
        held = ", ".join(word for word, holds in roles.items() if holds)
        if held:
            told = [
                f"{title(c.given)} {c.family.upper()}".strip(),
                relation_label(c),
                french.phone(c.phone) if c.phone else "",
            ]
            found.append([held[:1].upper() + held[1:], ", ".join(t for t in told if t)])
    return found


def _rights(row) -> dict:
    return {"category": row.category, "hidden": row.hidden, "author": str(row.author_user_id or "")}


def _iso(value: date | None) -> str:
    return value.isoformat() if value else ""


def _doctor(acting: Acting) -> str:
    found = (
        TreatingDoctor.objects.filter(patient_id=acting.circle_id, until=None)
        .select_related("practice_role__practitioner")
        .first()
    )
    if found is None:
        return ""
    if found.is_none:
        return _("aucun")
    return found.practice_role.practitioner.display_name if found.practice_role_id else found.external_name


def _agreement(a) -> dict:
    return {
        "decision": a.decision, "by": a.given_by, "name": a.given_name, "form": a.form, "on": a.given_on.isoformat(), "words": a.words,
        "kept_by": a.author_name,
    }  # fmt: skip


def seen_by(acting: Acting, whole: dict, *, today: dict | None = None) -> dict:
    """The same, without what this reader may not see today; a problem that is not seen leaves its goals unattached.

    `today`: the plan as it stands, when `whole` is a former version: what was hidden since is hidden there too.
    """
    since = {row["id"]: row for key in ("problems", "goals", "scores") for row in (today or {}).get(key, ())}

    def sees(row: dict) -> bool:
        author = UUID(row["author"]) if row.get("author") else None
        return all(
            acting.sees(hidden=r["hidden"], category=r["category"], author_user_id=author, target_id=UUID(row["id"]))
            for r in (row, since.get(row["id"], row))
        )

    problems = [p for p in whole["problems"] if sees(p)]
    known = {p["id"] for p in problems}
    goals = [g | {"problem": g["problem"] if g["problem"] in known else ""} for g in whole["goals"] if sees(g)]
    categories = {whole["synthesis_category"], (today or whole)["synthesis_category"]}
    synthesis = whole["synthesis"] if categories <= acting.readable else ""
    scores = [s for s in whole.get("scores", ()) if sees(s)]  # not in the first frozen versions
    return whole | {
        "problems": problems, "goals": goals, "synthesis": synthesis, "reads_synthesis": categories <= acting.readable,
        "scores": scores, "near": whole.get("near", []) if Category.SOCIAL in acting.readable else [], "extract": False,
    }  # fmt: skip


def for_everyone(acting: Acting, parts: dict) -> tuple[str, int, dict]:
    """What may stand in a document of the circle: its category, its mask, and the parts whose every reader-to-be may read them.

    The category is one that the sender writes in and whose readers read all the others; parts that none covers are left out.
    """
    used = [parts["category"]]
    if parts["synthesis"]:
        used.append(parts["synthesis_category"])
    used += [row["category"] for key in ("problems", "goals") for row in parts[key]]
    profiles = list(rights.current().profiles.values())

    def lost(target: str) -> int:
        return sum(not _covers(profiles, target, c) for c in used)

    def readers(target: str) -> int:
        return sum(target in p.readable for p in profiles)

    target = min(sorted(acting.writable), key=lambda c: (lost(c), -readers(c)))
    rows = ("problems", "goals", "scores")
    kept = {k: [r for r in parts[k] if _covers(profiles, target, r["category"])] for k in rows}
    synthesis = parts["synthesis"] if _covers(profiles, target, parts["synthesis_category"]) else ""
    hidden = parts["hidden"]
    for row in (row for key in rows for row in kept[key]):
        hidden |= row["hidden"]
    near = parts["near"] if _covers(profiles, target, Category.SOCIAL) else []
    extract = lost(target) > 0 or len(kept["scores"]) < len(parts["scores"])
    return target, hidden, parts | kept | {"synthesis": synthesis, "near": near, "extract": extract}


def _covers(profiles, target: str, source: str) -> bool:
    return all(source in p.readable for p in profiles if target in p.readable)


# --- Words -------------------------------------------------------------------------------------------------------------


def day_of(iso: str) -> date | None:
    return date.fromisoformat(iso) if iso else None


def due_words(iso: str) -> str:
    found = day_of(iso)
    if found is None:
        return _("en continu")
    return french.short_day(found)


def is_late(action: dict, today: date) -> bool:
    due = day_of(action["due_on"])
    return due is not None and action["state"] in OPEN_ACTIONS and due < today


def state_word(action: dict, today: date) -> str:
    return _("en retard") if is_late(action, today) else str(ActionState(action["state"]).label).lower()


def short_name(name: str, kind: str = "professional") -> str:
    """« Nolwenn Le Bris » is « N. Le Bris » in a narrow column; the name of an outsider stays as typed."""
    words = name.split()
    if kind in ("outsider", "team") or len(words) < 2:
        return name
    if words[0] in ("Dr", "Pr"):
        return f"{words[0]} {' '.join(words[2:]) or words[1]}"
    return f"{words[0][0]}. {' '.join(words[1:])}"


def version_words(parts: dict) -> str:
    """« Version 3, brouillon du 5 mars 2026 »"""
    state = {
        PlanState.DRAFT: _("brouillon du %(day)s"),
        PlanState.REVISED: _("brouillon du %(day)s"),
        PlanState.AGREED: _("accord donné, édité le %(day)s"),
        PlanState.SIGNED: _("signé, édité le %(day)s"),
    }[PlanState(parts["state"])] % {"day": _long_day(timezone.localdate())}
    return _("Version %(n)s, %(state)s") % {"n": parts["number"], "state": state}


def _long_day(value: date | datetime) -> str:
    words = french.day(value)
    day = words.split(" ", 1)[1] if words.split(" ")[0].isalpha() else words
    return day if str(value.year) in day else f"{day} {value.year}"


def agreement_words(parts: dict) -> str:
    """For the foot of each page."""
    a = parts["agreement"]
    if not a:
        return _("Accord de la personne : en attente")
    when = _long_day(date.fromisoformat(a["on"]))
    if a["decision"] == Decided.NO:
        return _("Accord de la personne : refusé le %(when)s") % {"when": when}
    if a["decision"] == Decided.PARTLY:
        return _("Accord de la personne : en partie, le %(when)s") % {"when": when}
    return _("Accord de la personne : donné le %(when)s") % {"when": when}


def document_title(plan: CarePlan, kind: str) -> str:
    return _("%(title)s, version %(n)s") % {"title": TITLES[PlanKind(kind)], "n": plan.number}


def file_name(number: int, kind: str) -> str:
    return f"{kind}-version-{number}.pdf"


# --- The three documents -----------------------------------------------------------------------------------------------


def pdf_data(acting: Acting, parts: dict, kind: str, *, plan: CarePlan, tinted: str = "") -> dict:
    """Data of `plan.typ`. `tinted`: the goal that is being edited (preview)."""
    kind = PlanKind(kind)
    if kind == PlanKind.PSI:
        parts = for_her(parts)
    identity, coordinates = acting.patient.identity, acting.patient.coordinates
    structure = plan.organization.display_name if plan.organization_id else parts["referent"]["name"]
    civility = {"F": _("Mme"), "M": _("M.")}.get(identity.sex, "")
    born = french.birth_date(identity.birth_date)
    born = (_("née le %(d)s") if identity.sex == "F" else _("né le %(d)s")) % {"d": born}
    who = [f"{civility} {identity.full_name}".strip(), born, coordinates.commune_label if coordinates else ""]
    referent = ", ".join(p for p in (parts["referent"]["name"], parts["referent"]["label"].lower()) if p)
    sections = {PlanKind.PPCS: _ppcs, PlanKind.PPS: _pps, PlanKind.PSI: _psi}[kind](parts, tinted)
    sections += [_person(acting, parts), _agreed(parts), _team(parts), _review(parts)]
    return {
        "title": str(TITLES[kind]),
        "region": structure or "Cercle",
        "logo": logo(plan.organization_id),
        "logo_alt": _("Logo de %(name)s") % {"name": structure},
        "version": version_words(parts),
        "running": ", ".join(w for w in who if w),
        "who": ", ".join(w for w in who if w),
        "ins": identity.ins_value if identity.is_qualified else "",
        "people": " ".join(
            [
                _("Référent : %(who)s.") % {"who": referent or _("à désigner")},
                _("Médecin traitant : %(who)s.") % {"who": parts["doctor"] or _("non renseigné")},
            ]
        ),
        "extract": _("Ce document est un extrait : certaines parties du plan n’y figurent pas.")
        if parts["extract"]
        else "",
        "foot": agreement_words(parts),
        "sections": sections,
    }


def for_her(parts: dict) -> dict:
    """The PSI is handed to the person: what is kept from her is not in it, whoever prints it."""
    herself = rights.current().profiles["person"]

    def hers(row: dict) -> bool:
        return not (row["hidden"] & Reader.PATIENT) and row["category"] in herself.readable

    return parts | {key: [row for row in parts[key] if hers(row)] for key in ("problems", "goals")}


def logo(organization_id: UUID | None) -> bytes | None:
    found = logo_of(organization_id) if organization_id else None
    if found is None:
        return None
    try:
        with blobs.open(found.sha256) as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def _prose(heading: str, text: str, *, quoted: bool = False) -> dict:
    if text and quoted and "«" not in text:
        text = f"«\u00a0{text}\u00a0»"
    return {"type": "prose", "heading": heading, "text": text, "empty": _("À compléter.")}


def _synthesis(heading: str, parts: dict) -> dict:
    return _prose(heading, parts["synthesis"]) | {"notes": score_words(parts)}


def score_words(parts: dict) -> list[str]:
    """« GIR estimé 3 (4 mars 2026) », from the grids themselves."""
    return [f"{s['label']} ({_long_day(date.fromisoformat(s['at']))})" for s in parts["scores"]]


def _going(parts: dict) -> list[dict]:
    return [g for g in parts["goals"] if g["state"] in GOING]


def _unmet(parts: dict, heading: str) -> dict:
    items = [{"strong": g["label"], "text": g["unmet_reason"]} for g in parts["goals"] if g["state"] == GoalState.UNMET]
    empty = _("Aucun objectif non atteint à ce jour.") if parts["no_unmet"] else _("À compléter.")
    return {"type": "list", "heading": heading, "items": items, "empty": empty}


def _table(heading: str, goals: list[dict], tinted: str, head: list[str], empty: str) -> dict:
    today = timezone.localdate()
    groups = []
    for n, g in enumerate(goals, 1):
        rows = [
            [a["label"], short_name(a["owner"], a["owner_kind"]), due_words(a["due_on"]), state_word(a, today)]
            for a in g["actions"]
            if a["state"] != ActionState.CANCELLED
        ]
        notes = []
        if g["priority"] == Priority.HIGH:
            notes.append(_("priorité haute"))
        if g["state"] == GoalState.REACHED:
            notes.append(_("atteint"))
        groups.append(
            {
                "label": f"{n}. {g['label']}", "note": ", ".join(notes), "tinted": g["id"] == tinted, "rows": rows,
                "foot": _("Atteint quand : %(measure)s") % {"measure": g["measure"]} if g["measure"] else "",
                "none": "" if rows else _("Aucune action pour le moment."),
            }
        )  # fmt: skip
    return {"type": "table", "heading": heading, "head": head, "groups": groups, "empty": empty}


def _problem_list(parts: dict) -> dict:
    return {
        "type": "list", "heading": _("Problèmes"), "items": [{"strong": p["label"], "text": p["detail"]} for p in parts["problems"]],
        "empty": _("À compléter."),
    }  # fmt: skip


def _ppcs(parts: dict, tinted: str) -> list[dict]:
    head = [_("Objectif et action"), _("Qui"), _("Avant le"), _("État")]
    found = [_prose(_("Ce que je souhaite"), parts["wish"], quoted=True)]
    if parts["project"]:
        found.append(_prose(_("Mon projet"), parts["project"]))
    found += [
        _synthesis(_("Synthèse"), parts),
        _problem_list(parts),
        _table(_("Plan d’action"), _going(parts), tinted, head, _("À compléter.")),
        _unmet(parts, _("Objectifs non atteints")),
    ]
    if parts["contingency"]:
        found.append(_prose(_("Si la situation change"), parts["contingency"]))
    return found


def _pps(parts: dict, tinted: str) -> list[dict]:
    head = [_("Objectif et action"), _("Intervenant"), _("Échéance"), _("État")]
    care = [g for g in _going(parts) if g["category"] in CARE]
    help_ = [g for g in _going(parts) if g["category"] not in CARE]
    return [
        _prose(_("Attentes de la personne"), parts["wish"], quoted=True),
        _synthesis(_("Situation"), parts),
        _problem_list(parts),
        _table(_("Plan de soins"), care, tinted, head, _("Aucun objectif de soins.")),
        _table(_("Plan d’aides et d’accompagnement"), help_, tinted, head, _("Aucun objectif d’aide.")),
        _unmet(parts, _("Objectifs non atteints")),
        _prose(_("Conduite à tenir si la situation change"), parts["contingency"]),
    ]


def _psi(parts: dict, tinted: str) -> list[dict]:
    """The part shared with the person: plain words, neither synthesis nor list of problems."""
    head = [_("Ce dont j’ai besoin, et ce qui est prévu"), _("Avec qui"), _("Avant le"), _("Où on en est")]
    uncovered = [
        {"strong": g["label"], "text": _("aucune réponse n’est encore trouvée")}
        for g in _going(parts)
        if not [a for a in g["actions"] if a["state"] not in (ActionState.CANCELLED, ActionState.REFUSED)]
    ]
    unmet = _unmet(parts, _("Ce qui n’a pas encore de réponse"))
    unmet["items"] = uncovered + unmet["items"]
    found = [
        _prose(_("Ce que je souhaite"), parts["wish"], quoted=True),
        _prose(_("Ce qui compte pour moi"), parts["project"]),
    ]
    return [
        *found,
        _table(_("Mes besoins et les réponses"), _going(parts), tinted, head, _("À compléter.")),
        unmet,
        _prose(_("Si ma situation change"), parts["contingency"]),
    ]


def _person(acting: Acting, parts: dict) -> dict:
    """What her record says of her and of those near her."""
    identity, coordinates = acting.patient.identity, acting.patient.coordinates
    rows = [
        [_("Nom de naissance"), f"{title(identity.birth_given)} {identity.birth_family.upper()}"],
        [_("Matricule INS"), identity.ins_value if identity.is_qualified else ""],
    ]
    if coordinates:
        where = [
            coordinates.address,
            coordinates.address_extra,
            f"{coordinates.postal_code} {coordinates.commune_label}".strip(),
        ]
        phones = [french.phone(p) for p in (coordinates.phone, coordinates.phone_other) if p]
        rows += [[_("Adresse"), ", ".join(w for w in where if w)], [_("Téléphone"), ", ".join(phones)]]
    return {"type": "facts", "heading": _("Personne et entourage"), "rows": rows + parts["near"], "empty": ""}


def _agreed(parts: dict) -> dict:
    a = parts["agreement"]
    rows: list[list[str]] = []
    if a:
        rows = [
            [_("Décision"), str(Decided(a["decision"]).label)],
            [_("Donné par"), f"{a['name']} ({GivenBy(a['by']).label})"],
            [_("Comment, quand"), f"{Form(a['form']).label}, {_long_day(date.fromisoformat(a['on']))}"],
            [_("Ses mots"), a["words"]],
            [_("Recueilli par"), a["kept_by"]],
        ]
    return {"type": "facts", "heading": _("Accord de la personne"), "rows": rows, "empty": _("En attente.")}


def _team(parts: dict) -> dict:
    left = list(parts["signatures"])
    items = []
    for f in parts["team"]:
        label = "" if f["label"] == f["place"] else f["label"].lower()  # a team is of its structure
        detail = ", ".join(p for p in (label, f["place"]) if p)
        for s in [s for s in left if s.get("user") in f.get("users", ()) or s["name"] == f["name"]]:
            left.remove(s)
            who = "" if s["name"] == f["name"] else f"{s['name']} "  # one of a team
            detail += f" ; {who}{_signed_words(s)}"
        items.append({"strong": f["name"], "text": detail})
    items += [{"strong": s["name"], "text": _signed_words(s)} for s in left]  # who left since
    return {
        "type": "list",
        "heading": _("Équipe et signatures"),
        "items": items,
        "empty": _("Personne pour le moment."),
    }


def _signed_words(signature: dict) -> str:
    return _("a signé le %(day)s") % {"day": _long_day(timezone.localdate(datetime.fromisoformat(signature["at"])))}


def _review(parts: dict) -> dict:
    rows = [[_("Prochaine révision"), _long_day(date.fromisoformat(parts["review_on"]))]] if parts["review_on"] else []
    if parts["review_note"]:
        rows.append([_("À revoir"), parts["review_note"]])
    return {"type": "facts", "heading": _("Dates de révision"), "rows": rows, "empty": _("À fixer.")}


# --- Preview -------------------------------------------------------------------------------------------------------------

_drawn: dict[str, list[bytes]] = {}
_MOST_DRAWN = 24


def preview(data: dict) -> tuple[str, list[bytes]]:
    """Name and PNG of each page; the last ones drawn are kept, so that turning a page draws nothing again."""
    from cercle.base.common import pdf

    name = hashlib.sha256(json.dumps(data, sort_keys=True, default=repr).encode()).hexdigest()[:16]
    found = _drawn.get(name)
    if found is None:
        found = pdf.pages(TEMPLATE, data, ppi=120)
        while len(_drawn) >= _MOST_DRAWN:
            _drawn.pop(next(iter(_drawn)), None)
        _drawn[name] = found
    return name, found


# --- Comparison ------------------------------------------------------------------------------------------------------------


def compare(old: dict, new: dict) -> list[dict]:
    """[{heading, kind: same|changed|added|removed, old: [(op, text)], new: […]}] in reading order; `op`: same, del, ins."""
    before, after = dict(_lines(old)), dict(_lines(new))
    rows = []
    for key in [*after, *(k for k in before if k not in after)]:
        was, now = before.get(key, ""), after.get(key, "")
        if not was and not now:
            continue
        kind = "same" if was == now else "added" if not was else "removed" if not now else "changed"
        left, right = words_diff(was, now)
        rows.append({"heading": key[1], "kind": kind, "old": left, "new": right})
    return rows


def _lines(parts: dict):
    for name, heading in (
        ("wish", _("Ce que je souhaite")), ("project", _("Mon projet")), ("synthesis", _("Synthèse")),
    ):  # fmt: skip
        yield (name, str(heading)), parts[name]
    for p in parts["problems"]:
        yield (p["id"], _("Problème")), ". ".join(t for t in (p["label"], p["detail"]) if t)
    for g in parts["goals"]:
        yield (g["id"], _("Objectif")), "\n".join(
            t
            for t in (
                g["label"], g["why"], g["measure"], f"{GoalState(g['state']).label}. {g['unmet_reason']}".strip(" "),
                _("Priorité : %(p)s") % {"p": str(Priority(g["priority"]).label).lower()},
            )
            if t
        )  # fmt: skip
        for a in g["actions"]:
            yield (
                (a["id"], _("Action")),
                f"{a['label']} ; {a['owner']} ; {due_words(a['due_on'])} ; {ActionState(a['state']).label}",
            )
    yield ("contingency", _("Si la situation change")), parts["contingency"]
    yield (
        ("review", _("Révision")),
        " ".join(t for t in (parts["review_on"] and due_words(parts["review_on"]), parts["review_note"]) if t),
    )


_WORDS = re.compile(r"\s+|[^\s]+")


def words_diff(was: str, now: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Word by word: what the old side loses, what the new side gains. The pieces of each side put together give it back."""
    a, b = _WORDS.findall(was), _WORDS.findall(now)
    left: list[tuple[str, str]] = []
    right: list[tuple[str, str]] = []
    for op, i, j, k, m in difflib.SequenceMatcher(None, a, b).get_opcodes():
        if i < j:
            left.append(("same" if op == "equal" else "del", "".join(a[i:j])))
        if k < m:
            right.append(("same" if op == "equal" else "ins", "".join(b[k:m])))
    return left, right
