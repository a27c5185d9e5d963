"""Whatever comes: an answer or a closed connection, never a crash, and the listener goes on serving."""

import os
import random
import resource

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.doors.hl7v2 import acknowledge, mllp, parse
from cercle.doors.hl7v2.models import Message

from .conftest import SAMPLES, Wire, sample

EXAMPLES = int(os.environ.get("HL7_EXAMPLES", "2000"))
SEEDS = sorted(p.name for p in SAMPLES.rglob("*.hl7")) + sorted(p.name for p in SAMPLES.rglob("*.er7"))
BITS = [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b'""', b"\x00", b"\xff", b"\xc3", "é".encode(), b"\\X00\\", b"\\E\\", b"PID", b"MSH", b"ZBE|",
        b"\x0b", b"9" * 300, b"A" * 3000, b"\xe2\x80\x8f", b"99999999999999", b"00000000", b"-0100", b"20261345", b"'; --", b"\\.br\\"]  # fmt: skip


def mutated(rng: random.Random) -> bytes:
    raw = bytearray(sample(rng.choice(SEEDS)))
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8, 40])):
        at = rng.randrange(len(raw) + 1)
        match rng.randrange(8):
            case 0:
                raw[at : at + rng.randrange(1, 40)] = b""
            case 1:
                raw[at:at] = rng.choice(BITS)
            case 2:
                raw[at : at + 1] = bytes([rng.randrange(256)])
            case 3:
                lines = bytes(raw).split(b"\r")
                rng.shuffle(lines)
                raw = bytearray(b"\r".join(lines))
            case 4:
                fields = bytes(raw).split(b"|")
                fields[rng.randrange(len(fields))] = rng.choice(BITS)
                raw = bytearray(b"|".join(fields))
            case 5:
                lines = bytes(raw).split(b"\r")
                lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
                raw = bytearray(b"\r".join(lines))
            case 6:
                fields = bytes(raw).split(b"|")
                i, j = rng.randrange(len(fields)), rng.randrange(len(fields))
                fields[i], fields[j] = fields[j], fields[i]
                raw = bytearray(b"|".join(fields))
            case _:
                raw = raw[:at]
        raw = raw or bytearray(b"M")
    return bytes(raw).replace(b"\x1c", b"")


def test_mutated_messages_get_an_answer_or_a_closed_connection(sender, caplog):
    wire = Wire(mllp.Limits(slow=10))
    rng = random.Random(2575)
    answered = closed = 0
    before = None
    try:
        peer = wire.peer()
        for n in range(EXAMPLES):
            ack = peer.send(mutated(rng))
            if ack is None:
                closed += 1
                peer = wire.peer()
            else:
                assert ack.code in ("AA", "AE", "AR")
                answered += 1
            if n == EXAMPLES // 4:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert wire.samples("A28-01-create-qualified.hl7").code in ("AA", "AE", "AR")
    finally:
        wire.stop()
    assert answered == EXAMPLES - closed and closed == 0
    # A failure of our own is an answer too, but none is expected.
    failed = Message.objects.filter(is_final=False)
    assert not failed.exists(), [bytes(m.raw) for m in failed[:2]] + [r.getMessage() for r in caplog.records[:3]]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 60 * 1024, f"{grown} kB more"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=400).map(lambda b: b"MSH|^~\\&|" + b)
    | st.binary(max_size=200)
    | st.text(max_size=300).map(lambda t: ("MSH" + t).encode())
)
def test_any_bytes_are_read_or_left(raw):
    message = parse.parse(raw)
    answer = acknowledge.build(
        message, acknowledge.Answer(acknowledge.AE, [acknowledge.Problem(101, "un | mot ^ de\rtrop", "PID")])
    )
    assert answer.startswith(b"MSH|^~\\&|") and b"\rMSA|AE|" in answer
    assert answer.count(b"\r") == 3
    if message:
        for s in message.segments:
            for n in range(len(s.fields) + 2):
                s.text(n), s.parts(n), s.text(n, 3, 2)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=32, blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80))
def test_what_is_escaped_reads_back(text):
    by = parse.Separators()
    assert parse.unescape(parse.escape(text), by).split() == text.split()
