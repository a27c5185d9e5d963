"""Communes in memory, for the million addresses of a file."""

from collections import defaultdict

from cercle.base.common.text import name_key
from cercle.people.directory.models import Commune


class Communes:
    def __init__(self) -> None:
        self.places: dict[str, tuple[str, float | None, float | None]] = {}
        self.by_postal: dict[str, list[tuple[str, str]]] = defaultdict(list)
        rows = Commune.objects.filter(kind__in=["COM", "ARM"]).order_by("kind", "code")
        for code, name, postal_codes, lat, lon in rows.values_list(
            "code", "name", "postal_codes", "lat", "lon"
        ).iterator(5000):
            self.places[code] = (name, lat, lon)
            for postal in postal_codes:
                self.by_postal[postal].append((code, _key(name)))
        self._found: dict[tuple[str, str], str] = {}

    def find(self, code: str, postal: str, city: str) -> str:
        """The commune's code: as given when it exists, else by postal code and name; "" when several would fit."""
        if code in self.places:
            return code
        if not postal:
            return ""
        if (postal, city) not in self._found:
            if len(self._found) > 200_000:
                self._found.clear()
            choices = self.by_postal.get(postal, [])
            found = [c for c, key in choices if key == _key(city)] or [c for c, _key_of in choices]
            self._found[postal, city] = found[0] if len(found) == 1 else ""
        return self._found[postal, city]

    def place(self, code: str) -> tuple[str, float | None, float | None]:
        """Name, lat, lon of the town hall."""
        return self.places.get(code, ("", None, None))


def _key(name: str) -> str:
    """« ST-GREGOIRE CEDEX » is « Saint-Grégoire »; « Paris 15e Arrondissement » is « PARIS »."""
    words = name_key(name).split()
    out = []
    for word in words:
        if word == "cedex":
            break
        if word in ("arrondissement", "le", "la", "les", "l") or (word[:1].isdigit()):
            continue
        out.append({"st": "saint", "ste": "sainte"}.get(word, word))
    return " ".join(out)
