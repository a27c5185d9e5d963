"""The one error that carries a sentence meant for the person at the screen."""


class Refused(Exception):
    """An action refuses, for a reason the person can read and act on.

    `message` is a (lazy) French sentence without personal data; views show it and keep what was
    typed, the `cercle` command prints it on one line and exits 1, machine doors put it in their answer.
    `code` is a stable word for programs, e.g. "ins_held".
    """

    def __init__(self, message, code: str = "refused"):
        super().__init__(str(message))
        self.message = message
        self.code = code
