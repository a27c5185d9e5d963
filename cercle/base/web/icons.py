"""The icons the product uses, by their Lucide name: the sprite holds these and no other.

`scripts/assets.py` builds the sprite from this list; a test checks that templates and code name no icon outside it.
Add a name here, run `python scripts/assets.py`, use it with `{% icon "name" %}`.
"""

ICONS = sorted(
    """
    activity arrow-down arrow-left arrow-right arrow-up badge-check ban bandage bell book-open brain briefcase building
    building-2 cake calendar calendar-clock calendar-days calendar-plus camera car chart-column check check-check
    chevron-down chevron-left chevron-right chevron-up circle circle-alert circle-check circle-dashed circle-dot
    circle-help circle-slash circle-user circle-x clipboard-list clock copy contact download droplets ellipsis
    external-link eye eye-off file file-image file-text fingerprint-pattern flag flask-conical folder git-merge
    globe hand-heart heart-handshake heart-pulse history hospital house id-card image inbox info key key-round
    keyboard languages laptop link list list-filter loader-circle lock lock-open log-in log-out mail map-pin
    message-square messages-square minus monitor moon navigation network notebook-pen palette paperclip pause pencil
    phone pill pin plus printer qr-code refresh-cw reply rotate-ccw route save scale search send settings
    shield shield-alert shield-check shield-question-mark signature sliders-horizontal smartphone split
    square-kanban star stethoscope sun syringe table tag thermometer ticket-check trash-2 trending-down trending-up
    triangle-alert unlink undo-2 upload user user-check user-cog user-minus user-plus user-round user-x users
    utensils video volume-x weight wifi-off wind x zap
    """.split()
)
