"""ZFA: the DMP's state, opposition to feed it, consent to consult it. Kept as told; no care right hangs on it here."""

from ..parse import Parsed

STATUS = {"ACTIF", "FERME", "INEXISTANT"}
FEEDING = {"NA", "IO", "INO"}
CONSULTING = {"NA", "INC", "IC"}


def read(message: Parsed) -> tuple[dict[str, str], bool]:
    """(values, are all codes known?). Fields shifted by one are seen in national samples: read by their codes."""
    s = message.first("ZFA")
    names = {
        1: "status",
        2: "status_at",
        3: "closing",
        9: "feeding",
        10: "feeding_at",
        11: "consulting",
        12: "consulting_at",
    }
    values = {name: s.text(n)[:60] for n, name in names.items() if s.text(n)}
    known = (
        values.get("status", "ACTIF") in STATUS
        and values.get("feeding", "NA") in FEEDING
        and values.get("consulting", "NA") in CONSULTING
    )
    if s and not known:
        said = [f for f in s.fields[1:] if f]
        shifted = {
            "status": next((f for f in said if f in STATUS), ""),
            "feeding": next((f for f in said if f in FEEDING - {"NA"}), ""),
            "consulting": next((f for f in said if f in CONSULTING - {"NA"}), ""),
        }
        values = {k: v for k, v in shifted.items() if v}
    return values, known
