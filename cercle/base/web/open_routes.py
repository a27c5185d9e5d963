"""The only addresses that answer to someone who is not signed in. Everything else asks for a sign-in.

One list, read in review: address prefix (from the root, ending in "/" for a whole branch) and why it is open.
An address here still applies its own gate: token, code, rate limit.
"""

OPEN: dict[str, str] = {
    "/healthz": "state of the service for supervision: no data",
    "/static/": "style sheets, scripts, fonts, icons",
    "/favicon.ico": "browsers ask for it unbidden",
    "/robots.txt": "says that nothing is to be indexed",
    "/connexion/": "sign-in, activation, lost password, lost factor: each with its token or limit",
    "/deconnexion/": "signing out of an ended session says so",
    "/i18n/": "choice of language",
    "/fhir/": "machine door: bearer tokens, checked by itself",
    "/mentions-legales/": "legal notices",
    "/accessibilite/": "accessibility statement",
    "/donnees-personnelles/": "privacy notice",
    "/agenda/flux/": "calendar feeds: a secret link, hashed, revocable, limited; no names in it",
    "/demande/": "public requests to a DAC and their status: limits, one-time link and code",
    "/style/": "living style page, only in a demonstration database",
}


def open_to_all(path: str) -> bool:
    return any(path.startswith(prefix) if prefix.endswith("/") else path == prefix for prefix in OPEN)
