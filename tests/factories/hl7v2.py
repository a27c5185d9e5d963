"""A message that a hospital sent about someone, as the door keeps it."""

import hashlib

from cercle.doors.hl7v2 import actions
from cercle.doors.hl7v2.models import Message


def walk_rows(acting, note) -> dict:
    sender = actions.declare_sender(actions.MACHINE, application="GAM", facility="CHU-ESSAI")
    raw = f"MSH|^~\\&|GAM|CHU-ESSAI|CERCLE|PTF|20260105||ADT^A28^ADT_A05|1|D|2.5\rNTE|1||{note.text}\r".encode()
    row = Message.objects.create(
        sender=sender, control_id="1", event="ADT^A28", raw=raw, sha256=hashlib.sha256(raw).hexdigest(), state=Message.State.APPLIED,
        code="AA", answer=b"MSH|", patient=acting.patient,
    )  # fmt: skip
    return {"message_id": row.pk, "sender_id": sender.pk}
