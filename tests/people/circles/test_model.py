"""Who sees what, held against a small model that knows nothing of the code: every road to a note says the same.

The roads: `Acting.sees`, `Note.objects.visible_to`, the notebook's own SQL, `documents.visible_to`, and the three statements of
« Mes patients » (marks, lines, search).
"""

import itertools
import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import cercle
from cercle.base.common.errors import Refused
from cercle.care.documents.models import Document
from cercle.care.notebook import actions as notebook
from cercle.care.notebook import queries
from cercle.care.notebook.models import Note
from cercle.care.record import lists
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.models import Circle, Member
from cercle.people.circles.vocabulary import JDV_J110, Category, Reader
from tests import factories as make

pytestmark = pytest.mark.django_db

# The published matrix, read as the region reads it: the file, not the code that loads it.
V1 = json.loads((Path(cercle.__file__).parent / "people/circles/rights/v1.json").read_text(encoding="utf-8"))
CELLS = {profile: row["cells"] for profile, row in V1["profiles"].items()}
BITS = {
    "author": 1, "health": 2, "social": 4, "patient": 8, "legal_rep": 16, "carer": 32, "third_party": 64, "connector": 128,
    "break_glass": 256,
}  # fmt: skip
CATEGORIES = ["medical", "nursing", "social", "administrative", "psychological", "appointments", "documents"]
# One profession of each profile.
PROFESSIONS = {
    "prescriber": ("TRE_G15", "10"),
    "nurse": ("TRE_G15", "60"),
    "pharmacist": ("TRE_G15", "21"),
    "therapist": ("TRE_G15", "70"),
    "psychologist": ("JDV_J48", "71"),
    "coordination": ("JDV_J48", "309"),
    "social": ("JDV_J48", "41"),
    "home_care": ("JDV_J48", "318"),
    "other_pro": ("JDV_J48", "999"),
}
RELATIVES = {"carer": {}, "legal_rep": {"is_legal_rep": True}, "volunteer": {"is_carer": False}}
EVERYONE = [*PROFESSIONS, *RELATIVES, "person"]


# --- The model -------------------------------------------------------------------------------------------------------


@dataclass
class Said:
    """A note, as the model keeps it."""

    pk: object
    author: int
    category: str
    hidden: int
    urgent: bool
    seq: int
    root: "Said | None" = None
    elsewhere: bool = False  # said in another file of the same person, since brought together


@dataclass
class Refusal:
    who: int  # place in the cast
    how: str  # practitioner, organization, profession, user
    category: str = ""
    target: object = None
    lifted: bool = False


@dataclass
class Model:
    """Everyone has one profile, one place; the rules are those of the product, said again in plain words."""

    profiles: list[str]
    inside: list[bool]
    notes: list[Said] = field(default_factory=list)
    read: dict[int, int] = field(default_factory=dict)  # how far each one has read
    refusals: list[Refusal] = field(default_factory=list)

    def meets(self, refusal: Refusal, who: int) -> bool:
        if refusal.lifted:
            return False
        if refusal.how == "profession":
            return PROFESSIONS.get(self.profiles[who]) == PROFESSIONS[self.profiles[refusal.who]]
        return refusal.who == who

    def enters(self, who: int) -> bool:
        whole = [r for r in self.refusals if not r.category and not r.target and self.meets(r, who)]
        return self.inside[who] and not whole

    def sees(self, who: int, note: Said) -> bool:
        if not self.enters(who):
            return False
        mine = [r for r in self.refusals if self.meets(r, who)]
        # An answer goes with the note it answers.
        named = {note.pk, note.root and note.root.pk}
        if any(r.target in named for r in mine if r.target):
            return False
        if note.author == who or (note.root and note.root.author == who):
            return True
        profile = self.profiles[who]
        if note.hidden & BITS[V1["profiles"][profile]["reader"]]:
            return False
        if any(r.category == note.category for r in mine):
            return False
        return "r" in CELLS[profile][note.category]


# --- The world -------------------------------------------------------------------------------------------------------


def person(acting, profile: str):
    """Someone of this profile in the circle, and her viewer."""
    if profile in PROFESSIONS:
        system, code = PROFESSIONS[profile]
        role = make.role("Membre", profile.title(), code, system, organization=make.organization(f"Cabinet {profile}"))
        user = make.user(role)
        circles.add_member(acting, practice_role=role, ground="recognised")
        return make_viewer(user, role)
    user = make.user(kind="patient" if profile == "person" else "relative")
    if profile == "person":
        circles.add_member(acting, kind="patient", user=user, ground="own_file")
    else:
        contact = make.contact(acting.patient, given=profile, **RELATIVES[profile])
        circles.add_member(acting, contact=contact, user=user, ground="wish")
    return make_viewer(user)


def refuse(acting, viewer, refusal: Refusal) -> Refusal:
    role = viewer.practice_role
    if role is None:
        refusal.how = "user"
    who = {
        "practitioner": lambda: {"practitioner": role.practitioner},
        "organization": lambda: {"organization": role.organization},
        "profession": lambda: {"profession": viewer.profession},
        "user": lambda: {"user": viewer.user},
    }[refusal.how]()
    row = circles.oppose(acting, **who, category=refusal.category, target_id=refusal.target)
    if refusal.lifted:
        circles.lift_opposition(acting, opposition=row)
    return refusal


def with_file(acting, note) -> None:
    Document.objects.create(
        circle_id=note.circle_id, holder_id=note.pk, sha256="0" * 64, size=1, media_type="image/jpeg", name="x.jpg",
        category=note.category, hidden=note.hidden, author_user_id=note.author_user_id, created_at=timezone.now(),
    )  # fmt: skip


def every_road_agrees(model: Model, who: int, viewer, circle_id, family: str) -> None:
    acting = reach(viewer, circle_id)
    wanted = {n.pk for n in model.notes if model.sees(who, n)}
    assert (acting is not None) == model.enters(who)
    assert (circle_id in lists.my_circles(viewer)) == model.enters(who)
    assert (circle_id in lists.still_mine(viewer, [circle_id])) == model.enters(who)
    assert (circle_id in lists.search(viewer, family)) == model.enters(who)
    marks = {m.circle_id: m for m in lists.marks(viewer)}
    lines = lists.lines(viewer, [circle_id])
    if acting is None:
        assert circle_id not in marks and circle_id not in lines
        return
    seen = {n.pk: n for n in Note.objects.visible_to(acting)}
    assert set(seen) == wanted
    # The notebook's SQL shows threads: an answer needs its first note.
    roots = {n.pk for n in model.notes if n.pk in wanted and n.root is None}
    answers = {n.pk for n in model.notes if n.pk in wanted and n.root is not None and n.root.pk in roots}
    assert {row.pk for row in queries.threads(acting, queries.Filters())} == roots | answers
    for note in model.notes:
        if note.root is None:  # answers to one's own note are the queryset's part of the rule
            said = acting.sees(
                hidden=note.hidden, category=note.category, author_user_id=_user_of(note), target_id=note.pk
            )
            assert said == (note.pk in wanted)
    # A file follows its note.
    files = {d.holder_id for d in Document.objects.visible_to(acting)}
    assert files <= wanted
    assert files >= {n.pk for n in model.notes if n.pk in wanted and (n.author == who or n.root is None)}
    unread = [
        n for n in model.notes if n.pk in wanted and n.author != who and (n.elsewhere or n.seq > model.read.get(who, 0))
    ]
    assert marks[circle_id].unread == bool(unread)
    assert marks[circle_id].urgent == any(n.urgent for n in unread)
    line = lines[circle_id]
    assert line.unread == len(unread)
    last = max((seen[pk] for pk in wanted), key=lambda n: n.written_at, default=None)
    assert line.last_text == (last.text if last else "")


_users: dict = {}


def _user_of(note: Said):
    return _users[note.pk]


refusals = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["practitioner", "organization", "profession", "user"]),
        st.sampled_from(["", "", *CATEGORIES]),
        st.one_of(st.none(), st.integers(0, 4)),
        st.booleans(),
    ),
    max_size=3,
)
notes = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(CATEGORIES), st.integers(0, 255).map(lambda n: n * 2), st.booleans(),
        st.one_of(st.none(), st.integers(0, 4)),
    ),
    min_size=1, max_size=5,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@example(  # whoever may not read a note does not read the answers to it, her own included
    cast=["prescriber", "nurse", "pharmacist", "therapist"], gone=[False] * 4,
    said=[(0, "medical", 0, False, None)] * 2 + [(0, "medical", 0, False, 0)], against=[(0, "practitioner", "", 0, False)],
    elsewhere=[],
)  # fmt: skip
@given(
    cast=st.lists(st.sampled_from(EVERYONE), min_size=4, max_size=4, unique=True),
    gone=st.lists(st.booleans(), min_size=4, max_size=4),
    said=notes,
    against=refusals,
    elsewhere=st.one_of(st.just([]), notes),
)
def test_every_road_to_a_note_agrees_with_the_model(cast, gone, said, against, elsewhere, transactional_example):
    with transactional_example():
        _hold(cast, gone, said, against, elsewhere)


@pytest.fixture
def transactional_example():
    """Each example in a savepoint of its own, undone."""
    import contextlib

    from django.db import transaction

    class Undo(Exception):
        pass

    @contextlib.contextmanager
    def example():
        try:
            with transaction.atomic():
                yield
                raise Undo
        except Undo:
            pass

    return example


def _said_elsewhere(opener, model: Model, elsewhere) -> None:
    """Another file of the same person, with its own numbers, brought together and reviewed."""
    twin = make.circle(opener.viewer, birth_given="Yvonne Marie")
    for _who, category, hidden, urgent, _answers in elsewhere:
        note = notebook.add_note(
            twin, text=f"ailleurs {category}", category=category, hidden=hidden, urgency=2 if urgent else 0
        )
        _users[note.pk] = opener.user_id
        model.notes.append(Said(note.pk, -1, category, hidden & 510, urgent, note.seq, elsewhere=True))
        with_file(twin, note)
    operator = make_viewer(make.user(kind="operator"))
    circles.merge_files(operator, survivor=opener.patient, merged=twin.patient, reason="même personne")
    circles.review_crossing(opener, absorbed=Circle.objects.get(pk=twin.circle_id), keep=[])


def _hold(cast, gone, said, against, elsewhere) -> None:
    family = "Quéméneur"
    opener = make.circle(make.viewer(make.role("Ouvre", "Cercle", "10")), birth_family=family)
    viewers = [person(opener, p) for p in cast]
    model = Model(cast, [True] * 4)
    for author, category, hidden, urgent, answers in said:
        acting = reach(viewers[author], opener.circle_id)
        root = model.notes[answers % len(model.notes)] if answers is not None and model.notes else None
        root = root.root or root if root else None
        parent = Note.objects.get(pk=root.pk) if root else None
        # As on the page: one reads, then writes.
        notebook.mark_read(acting, up_to=len(model.notes))
        model.read[author] = len(model.notes)
        try:
            note = notebook.add_note(
                acting, text=f"note {len(model.notes)}", category=category, hidden=hidden, urgency=2 if urgent else 0,
                reply_to=parent,
            )  # fmt: skip
        except Refused:
            # The model agrees: not a category she writes, nor a thread she reads.
            assert "w" not in CELLS[cast[author]][root.category if root else category]
            writes = any("w" in cell for cell in CELLS[cast[author]].values())
            assert root is None or not writes or not model.sees(author, root)
            continue
        hides = (hidden | (root.hidden if root else 0)) & 510
        kept = Said(note.pk, author, root.category if root else category, hides, urgent, note.seq, root)
        model.read[author] = note.seq
        assert (note.category, note.hidden) == (kept.category, kept.hidden)
        _users[note.pk] = viewers[author].user_id
        model.notes.append(kept)
        with_file(acting, note)
    for n, out in enumerate(gone):
        if out:
            mine = Member.objects.filter(viewers[n].memberships(), circle_id=opener.circle_id)
            mine.update(ended_at=timezone.now() + timedelta(0))
            model.inside[n] = False
    if elsewhere:
        _said_elsewhere(opener, model, elsewhere)
    for who, how, category, target, lifted in against:
        about = model.notes[target % len(model.notes)].pk if target is not None and model.notes else None
        refusal = Refusal(who, how, "" if about else category, about, lifted)
        model.refusals.append(refuse(opener, viewers[who], refusal))
    for n, viewer in enumerate(viewers):
        every_road_agrees(model, n, viewer, opener.circle_id, family)


# --- Tables, cell by cell ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", EVERYONE)
def test_each_cell_of_the_matrix_is_what_each_profile_reads_and_writes(profile):
    opener = make.circle(make.viewer(make.role("Ouvre", "Cercle", "10")))
    viewer = person(opener, profile)
    acting = reach(viewer, opener.circle_id)
    assert acting.profile.code == profile
    for category in CATEGORIES:
        cell = CELLS[profile][category]
        note = notebook.add_note(opener, text=f"à lire : {category}", category=category)
        assert Note.objects.visible_to(acting).filter(pk=note.pk).exists() == ("r" in cell), category
        try:
            notebook.add_note(acting, text="à écrire", category=category)
            wrote = True
        except Refused as refused:
            assert refused.code == "category"
            wrote = False
        assert wrote == ("w" in cell), category
    for act, rule in V1["acts"].items():
        assert acting.may(act) == (profile in rule["profiles"]), act


def test_the_matrix_names_every_category_and_every_profile():
    assert set(Category.values) == set(CATEGORIES) == set(V1["categories"])
    assert set(CELLS) == {*EVERYONE, "connector"}
    assert all(set(cells) == set(CATEGORIES) for cells in CELLS.values())
    assert {r.name.lower(): r.value for r in Reader} == BITS


# JDV_J110 × reader class: who does not see, said again here.
J110 = {
    "INVISIBLE_PATIENT": {"patient", "carer", "third_party"},
    "INVISIBLE_REPRESENTANTS_LEGAUX": {"legal_rep"},
    "MASQUE_PS": {"health", "connector", "break_glass"},
    "MASQUE_PSOCIAL": {"social"},
    "MASQUE_PT": {"carer", "third_party"},
}
READERS = {
    "health": "prescriber",
    "social": "coordination",
    "patient": "person",
    "legal_rep": "legal_rep",
    "carer": "carer",
}


@pytest.mark.parametrize("label", J110)
def test_each_visibility_label_hides_from_exactly_these_readers(label):
    assert {r.name.lower() for r in Reader if r & JDV_J110[label]} == J110[label]
    opener = make.circle(make.viewer(make.role("Ouvre", "Cercle", "10")))
    author = person(opener, "nurse")
    # A category that each of these profiles reads.
    note = notebook.add_note(
        reach(author, opener.circle_id), text="masquée", category="appointments", hidden=int(JDV_J110[label])
    )
    readers = READERS | {"third_party": "volunteer"}
    for reader, profile in readers.items():
        acting = reach(person(opener, profile), opener.circle_id)
        assert Note.objects.visible_to(acting).filter(pk=note.pk).exists() == (reader not in J110[label]), reader
    urgent = make.viewer(make.role("Nora", "Garde", "40"))
    circles.break_glass(urgent, circle_id=opener.circle_id, reason="Malaise au domicile, personne seule.")
    hidden = J110[label] & {"health", "break_glass"}
    assert Note.objects.visible_to(reach(urgent, opener.circle_id)).filter(pk=note.pk).exists() == (not hidden)
    assert Note.objects.visible_to(reach(author, opener.circle_id)).filter(pk=note.pk).exists()


# --- Merge -------------------------------------------------------------------------------------------------------------

STATES = ["apart", "merged", "crossed", "undone"]


@pytest.mark.parametrize(("state", "kept"), list(itertools.product(STATES, [False, True])))
@pytest.mark.parametrize("refused", [False, True])
def test_a_merge_shows_the_other_notebook_to_those_whom_the_review_kept(state, kept, refused):
    one = make.circle(make.viewer(make.role("Un", "Premier", "10")))
    two = make.circle(make.viewer(make.role("Deux", "Second", "60")), birth_given="Yvonne Marie")
    here = person(one, "nurse")
    there = person(two, "pharmacist")
    first = notebook.add_note(one, text="premier cahier", category="appointments")
    second = notebook.add_note(two, text="second cahier", category="appointments")
    masked = notebook.add_note(two, text="masquée", category="appointments", hidden=int(Reader.HEALTH))
    if refused:
        # Said about the second file: it stays with its words after the merge.
        circles.oppose(two, practitioner=here.practice_role.practitioner)
    operator = make_viewer(make.user(kind="operator"))
    if state != "apart":
        decision = circles.merge_files(operator, survivor=one.patient, merged=two.patient, reason="même personne")
    if state in ("crossed", "undone"):
        absorbed = Circle.objects.get(pk=two.circle_id)
        members = list(Member.objects.filter(circle=absorbed, practice_role=there.practice_role)) if kept else []
        circles.review_crossing(reach(one.viewer, one.circle_id), absorbed=absorbed, keep=members)
    if state == "undone":
        circles.unmerge_files(operator, decision=decision)

    def read(viewer, circle_id):
        acting = reach(viewer, circle_id)
        if acting is None:
            return None
        by_sql = {row.pk for row in queries.threads(acting, queries.Filters())}
        assert by_sql == {n.pk for n in Note.objects.visible_to(acting)}
        return by_sql

    together = state == "crossed"
    if refused and state in ("merged", "crossed"):
        assert read(here, one.circle_id) is None  # one person, one refusal: it holds in both files at once
    else:
        assert read(here, one.circle_id) == ({first.pk, second.pk} if together else {first.pk})
    assert read(here, two.circle_id) is None
    # The pharmacist of the second file: only the review lets her cross.
    if together:
        assert read(there, two.circle_id) == read(there, one.circle_id) == ({first.pk, second.pk} if kept else None)
    else:
        assert read(there, two.circle_id) == {second.pk}
        if state == "merged":
            assert read(there, one.circle_id) is None
    assert masked.pk not in (read(here, one.circle_id) or set())
    # « Mes patients » shows one line for one person, never the alias.
    assert lists.my_circles(here) == ([] if read(here, one.circle_id) is None else [one.circle_id])
