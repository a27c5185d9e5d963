"""Every state the product shows, in one place: its colour, its icon, its word. Never a colour alone."""

from django.utils.translation import gettext_lazy as _

# key: (kind of chip, icon, word)
STATES = {
    # urgency
    "urgent": ("urgent", "triangle-alert", _("Urgent")),
    "watch": ("watch", "eye", _("À surveiller")),
    # follow-up
    "waiting": ("wait", "clock", _("En attente")),
    "ongoing": ("info", "circle-dot", _("En cours")),
    "done": ("done", "circle-check", _("Fait")),
    "late": ("urgent", "triangle-alert", _("En retard")),
    "proposed": ("wait", "clock", _("Proposé")),
    "accepted": ("done", "circle-check", _("Accepté")),
    "refused": ("urgent", "circle-x", _("Refusé")),
    "draft": ("wait", "pencil", _("Brouillon")),
    "closed": ("wait", "lock", _("Clos")),
    "hospitalised": ("stay", "hospital", _("Hospitalisé")),
    "hospitalised_f": ("stay", "hospital", _("Hospitalisée")),
    "deceased": ("wait", "circle-slash", _("Décédé")),
    "new": ("info", "plus", _("Nouveau")),
    "withdrawn": ("line", "undo-2", _("Retiré")),
    "corrected": ("line", "history", _("Corrigé")),
    "masked": ("line", "eye-off", _("Masqué")),
    "external": ("line", "external-link", _("Externe")),
    # identity (RNIV)
    "provisoire": ("wait", "circle-dashed", _("Provisoire")),
    "recuperee": ("line", "download", _("Récupérée")),
    "validee": ("info", "check", _("Validée")),
    "qualifiee": ("done", "badge-check", _("INS qualifiée")),
    "homonym": ("watch", "users", _("Homonyme")),
    "doubtful": ("watch", "shield-question-mark", _("Identité douteuse")),
    "fictive": ("wait", "flask-conical", _("Identité fictive")),
    "duplicate": ("watch", "copy", _("Doublon possible")),
    # sign-in and accounts
    "active": ("done", "circle-check", _("Actif")),
    "inactive": ("wait", "circle-slash", _("Inactif")),
    "invited": ("info", "mail", _("Invité")),
    "locked": ("urgent", "lock", _("Bloqué")),
    # rights
    "opposed": ("urgent", "ban", _("Opposition")),
    "consented": ("done", "signature", _("Accord donné")),
    "informed": ("info", "info", _("Informé")),
    "break_glass": ("urgent", "shield-alert", _("Accès d’urgence")),
    "urgent_stay": ("urgent", "hospital", _("Aux urgences")),
}

# Sending: words without a chip, an icon before them. key: (text class, icon, word)
SENDING = {
    "kept": ("watch", "smartphone", _("Gardé sur ce téléphone")),
    "sending": ("info", "send", _("Envoi")),
    "received": ("done", "check", _("Reçu")),
    "read": ("done", "check-check", _("Lu")),
    "failed": ("urgent", "circle-alert", _("Non envoyé")),
    "paused": ("watch", "pause", _("Coupé, reprendra là")),
}

TINTS = frozenset("med idel kine pharm sf ortho coord dom hosp proche".split())
