"""What is typed in the compose box. A refusal keeps every word (and every draft file) in the box."""

from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.common.errors import Refused
from cercle.people.circles.models import Member
from cercle.people.circles.vocabulary import READER_LABELS, Category, Reader

from .actions import LONGEST
from .measures import KINDS, Value, parse
from .vocabulary import NoteType, Urgency

# Classes that an author may hide a note from; connectors and emergency openings follow the health professionals.
HIDEABLE = [Reader.HEALTH, Reader.SOCIAL, Reader.PATIENT, Reader.LEGAL_REP, Reader.CARER, Reader.THIRD_PARTY]


class NoteForm(forms.Form):
    text = forms.CharField(
        required=False, strip=True, widget=forms.Textarea(attrs={"rows": 4}), label=gettext_lazy("Note")
    )
    type = forms.ChoiceField(choices=NoteType.choices, required=False)
    urgency = forms.TypedChoiceField(choices=Urgency.choices, coerce=int, required=False, empty_value=0)
    category = forms.ChoiceField(choices=Category.choices, required=False)
    hidden = forms.TypedMultipleChoiceField(
        choices=[(int(r), READER_LABELS[r]) for r in HIDEABLE], coerce=int, required=False
    )
    recipients = forms.TypedMultipleChoiceField(coerce=UUID, required=False)
    documents = forms.CharField(required=False)
    asks_receipt = forms.BooleanField(required=False)
    client_ref = forms.CharField(required=False, max_length=200)

    def __init__(self, *args, members=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.members = {m.pk: m for m in members}
        self.fields["recipients"].choices = [(str(pk), str(pk)) for pk in self.members]
        self.measures: list[Value] = []

    def clean_text(self) -> str:
        text = self.cleaned_data["text"]
        if len(text) > LONGEST:
            raise forms.ValidationError(
                _("Votre texte fait %(n)s caractères ; %(max)s au plus. Joignez plutôt un document.")
                % {"n": len(text), "max": LONGEST}
            )
        return text

    def clean_documents(self) -> list[UUID]:
        found = []
        for part in self.cleaned_data["documents"].split(","):
            try:
                found.append(UUID(part.strip()))
            except ValueError:
                continue
        return found[:10]

    def clean(self) -> dict:
        for code in KINDS:
            try:
                value = parse(code, self.data.get(f"m_{code}", ""), self.data.get(f"m_{code}_context", ""))
            except Refused as refused:
                self.add_error(None, refused.message)
                continue
            if value:
                self.measures.append(value)
        return self.cleaned_data

    def arguments(self, files=()) -> dict:
        data = self.cleaned_data
        hidden = 0
        for bit in data.get("hidden", ()):
            hidden |= bit
        if hidden & Reader.HEALTH:
            hidden |= Reader.CONNECTOR | Reader.BREAK_GLASS
        chosen: list[Member] = [self.members[pk] for pk in data.get("recipients", ()) if pk in self.members]
        return {
            "text": data["text"],
            "type": data["type"] or NoteType.GEN,
            "urgency": data["urgency"] or 0,
            "category": data["category"] or None,
            "hidden": int(hidden),
            "measures": self.measures,
            "files": files,
            "document_ids": data.get("documents", ()),
            "recipients": chosen,
            "asks_receipt": data["asks_receipt"],
            "client_ref": data["client_ref"],
        }
