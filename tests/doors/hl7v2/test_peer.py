"""python-hl7, an independent implementation: it sends to our listener, and reads what we read and what we answer."""

import asyncio

import hl7
import hl7.mllp
import pytest

from cercle.doors.hl7v2 import parse
from cercle.people.patients.models import Patient

from .conftest import COMPOSED, SAMPLES, sample

NAMES = sorted(p.name for p in SAMPLES.rglob("*.hl7")) + sorted(p.name for p in SAMPLES.rglob("*.er7"))


@pytest.mark.parametrize("name", NAMES)
def test_both_read_the_same_fields(name):
    raw = sample(name)
    charset = COMPOSED.get(name, {}).get("encoding", "utf-8")
    theirs, ours = hl7.parse(raw.decode(charset)), parse.parse(raw)
    assert [str(s[0]) for s in theirs] == [s.name for s in ours.segments]
    for segment, mine in zip(theirs, ours.segments, strict=True):
        for n in range(1, len(segment)):
            assert str(segment[n]).strip() == mine.raw(n).strip(), (mine.name, n)


def test_its_client_sends_and_reads_our_answers(wire):
    async def talk() -> list:
        reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", wire.port, encoding="utf-8")
        answers = []
        for name in ("A28-01-create-qualified.hl7", "A31-01-update-address-used-name.hl7", "ERR-01-missing-pid32.hl7"):
            writer.writemessage(hl7.parse(sample(name).decode()))
            await writer.drain()
            answers.append(await asyncio.wait_for(reader.readmessage(), 20))
        writer.close()
        return answers

    answers = asyncio.run(talk())
    assert [str(a.segment("MSA")[1]) for a in answers] == ["AA", "AA", "AE"]
    assert str(answers[2].segment("ERR")[3][0][0]) == "101"
    assert str(answers[0].segment("MSH")[9][0][0]) == "ACK"
    assert Patient.objects.count() == 1
