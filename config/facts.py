"""What `/healthz` says about the upper floors."""

from django.utils import timezone

from cercle.base.audit.models import Seal


def seal() -> dict:
    """Age of the journal's last seal: an alarm when it grows (docs/operations)."""
    last = Seal.objects.order_by("-number").values_list("number", "at").first()
    if last is None:
        return {"number": None, "age_seconds": None}
    return {"number": last[0], "age_seconds": round((timezone.now() - last[1]).total_seconds())}
