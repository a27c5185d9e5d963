"""What one message carries through its application: who sent it, what was read, what must be said back."""

from dataclasses import dataclass, field
from functools import cached_property

from cercle.people.circles.access import Viewer
from cercle.people.circles.vocabulary import Ground
from cercle.people.patients.models import Patient

from .acknowledge import Problem
from .models import Message, Sender
from .parse import Parsed
from .segments import msh, pid

SOURCE = "hl7v2"


def viewer_of(sender: Sender) -> Viewer:
    return Viewer(
        user_id=None, organization_id=sender.client.organization_id, actor_name=sender.client.name, actor_role="connecteur",
        source=SOURCE, ground=str(Ground.FEED),
    )  # fmt: skip


@dataclass
class Reading:
    message: Parsed
    msh: msh.Msh
    sender: Sender
    row: Message
    problems: list[Problem] = field(default_factory=list)
    patient: Patient | None = None

    @cached_property
    def viewer(self) -> Viewer:
        return viewer_of(self.sender)

    @cached_property
    def pid(self) -> pid.Pid:
        found = pid.read(self.message.first("PID"))
        for number in found.identifiers:
            if not number.system and number.value:
                # CX-4 is required; without it the number is only worth in this sender's mouth.
                object.__setattr__(number, "system", f"hl7:{self.sender.pk}")
        return found

    @property
    def event(self) -> str:
        return self.msh.event

    def warn(self, code: int, words: str, where: str = "") -> None:
        self._say(Problem(code, str(words), where, "W"))

    def inform(self, words: str, where: str = "") -> None:
        """Said back, but nobody has to look."""
        self._say(Problem(0, str(words), where, "I"))

    def _say(self, problem: Problem) -> None:
        if problem not in self.problems:
            self.problems.append(problem)
