"""A situation of exercise as a card names it, read by one hand-written statement beside other rows.

A page of the notebook names eight people and twenty authors: model instances with all their columns would cost more than
all the rest. The words come from the very properties of the models, so they cannot differ.
"""

from .models import Organization, PracticeRole, Practitioner

# To select after `w` (directory_practicerole) and `p` (directory_practitioner), in the order of `LightRole`.
COLUMNS = (
    "w.id, w.profession_system, w.profession, w.profession_label, w.specialty, w.mode, w.function,"
    " p.id, p.civility, p.title, p.given, p.family"
)
WIDTH = 12


class LightPractitioner:
    __slots__ = ("civility", "family", "given", "pk", "title")

    def __init__(self, pk, civility, title, given, family):
        self.pk, self.civility, self.title, self.given, self.family = pk, civility, title, given, family

    display_name = property(Practitioner.display_name.fget)
    initials = property(Practitioner.initials.fget)


class LightRole:
    __slots__ = (
        "function", "mode", "pk", "practitioner", "profession", "profession_label", "profession_system", "specialty",
    )  # fmt: skip

    def __init__(self, pk, system, profession, label, specialty, mode, function, *person):
        self.pk, self.profession_system, self.profession, self.profession_label = pk, system, profession, label
        self.specialty, self.mode, self.function = specialty, mode, function
        self.practitioner = LightPractitioner(*person)

    tint = property(PracticeRole.tint.fget)
    short_label = property(PracticeRole.short_label.fget)
    label_in = PracticeRole.label_in


class LightOrganization:
    __slots__ = ("category", "long_name", "name", "phone", "pk", "sector")

    def __init__(self, pk, name, long_name, category, sector, phone):
        self.pk, self.name, self.long_name, self.category, self.sector, self.phone = (
            pk, name, long_name, category, sector, phone,
        )  # fmt: skip

    kind = property(Organization.kind.fget)
    display_name = property(Organization.display_name.fget)
    tint = property(Organization.tint.fget)


ORGANIZATION_COLUMNS = "o.id, o.name, o.long_name, o.category, o.sector, o.phone"
ORGANIZATION_WIDTH = 6
