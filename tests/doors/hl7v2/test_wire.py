"""Frames, repeats, character sets, senders: what happens around a message."""

import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from cercle.doors.hl7v2 import actions, mllp
from cercle.doors.hl7v2.models import Message
from cercle.people.patients.models import Patient

from .conftest import Peer, Wire, changed, declare, holder, sample

A28 = "A28-02-create-provisional.hl7"


def numbered(n: int) -> bytes:
    """As many persons as numbers."""
    family = "".join(chr(65 + int(d)) for d in f"{n:05}")
    return changed(sample(A28), "IPP-000778", f"IPP-{n:06}", "MSG0002", f"MSG{n:06}", "LEGOFF", f"LE{family}")


def test_a_connection_serves_many_messages(wire):
    peer = wire.peer()
    assert [peer.send(numbered(n)).code for n in range(20)] == ["AA"] * 20
    assert Patient.objects.count() == 20


def test_several_senders_at_once(wire):
    def send(n):
        peer = Peer(wire.port)
        answers = [peer.send(numbered(n * 10 + k)).code for k in range(10)]
        peer.close()
        return answers

    with ThreadPoolExecutor(6) as pool:
        assert [a for answers in pool.map(send, range(6)) for a in answers] == ["AA"] * 60
    assert Patient.objects.count() == 60


def test_the_same_person_from_several_connections_is_one_file(wire):
    def send(n):
        peer = Peer(wire.port)
        answer = peer.send(changed(sample(A28), "MSG0002", f"MSG9{n}")).code
        peer.close()
        return answer

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(8))) == ["AA"] * 8
    assert Patient.objects.count() == 1
    assert Message.objects.count() == 8


def test_one_message_sent_eight_times_at_once_is_applied_once(wire):
    def send(_n):
        peer = Peer(wire.port)
        answer = peer.send(sample(A28)).raw
        peer.close()
        return answer

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(8)))) == 1
    assert (Message.objects.count(), Patient.objects.count()) == (1, 1)


def test_a_frame_may_come_in_pieces_with_garbage_around(wire):
    peer = wire.peer()
    frame = b"\x0b" + sample(A28) + b"\x1c\r"
    peer.write(b"\r\n  hello")
    for start in range(0, len(frame), 37):
        peer.write(frame[start : start + 37])
    assert peer.read().code == "AA"
    # Cut, then begun anew: the second one counts. Two in one packet: two answers.
    peer.write(b"\x0bMSH|^~\\&|GAM" + b"\x0b" + numbered(1) + b"\x1c\r" + b"\x0b" + numbered(2) + b"\x1c\r")
    assert [peer.read().control_id for _ in range(2)] == ["MSG000001", "MSG000002"]


def test_a_frame_too_long_is_closed_without_an_answer(sender):
    wire = Wire(mllp.Limits(frame=5000))
    try:
        assert wire.peer().send(sample(A28) + b"Z" * 10000) is None
        assert wire.peer().send(sample(A28)).code == "AA"
    finally:
        wire.stop()
    assert Message.objects.count() == 1


def test_a_frame_too_slow_and_endless_garbage_are_closed(sender):
    wire = Wire(mllp.Limits(slow=0.3, garbage=100))
    try:
        slow = wire.peer()
        slow.write(b"\x0bMSH|^~\\&|")
        assert slow.read() is None
        loud = wire.peer()
        loud.write(b"x" * 500)
        assert loud.read() is None
    finally:
        wire.stop()


@pytest.mark.parametrize(
    "name", ["A28-01-create-qualified.hl7", "ERR-01-missing-pid32.hl7", "ERR-04-unsupported-event.hl7"]
)
def test_the_same_bytes_get_the_stored_answer(wire, name):
    first = wire.samples(name)
    assert wire.samples(name).raw == first.raw
    assert Message.objects.count() == 1


def test_the_same_number_with_other_bytes_is_another_message(wire):
    assert wire.samples("ERR-01-missing-pid32.hl7").code == "AE"
    corrected = changed(
        sample("ERR-01-missing-pid32.hl7"),
        "||||||||||||||||||||||20260105093000",
        "|||||||||||||||||||||PROV|20260105093000",
    )
    assert wire.send(corrected).code == "AA"
    again = changed(corrected, "PAT-TROIS^DOMINIQUE", "PAT-QUATRE^DOMINIQUE")
    assert wire.send(again).code == "AA"
    assert Message.objects.filter(control_id="MSG0901").count() == 3


def test_an_unknown_sender_waits_in_quarantine_and_is_replayed_once_declared(wire):
    unknown = changed(sample(A28), "CHU-TEST|CERCLE", "CLINIQUE|CERCLE")
    ack = wire.send(unknown)
    assert (ack.code, ack.errors[0][0]) == ("AR", "207")
    row = Message.objects.get()
    assert row.state == "quarantine" and not Patient.objects.exists()
    declare(facility="CLINIQUE")
    row = actions.replay(actions.MACHINE, message=row)
    assert (row.state, row.code, row.replays) == ("applied", "AA", 1)
    assert holder("IPP-000778").identity.birth_family == "LEGOFF"
    assert wire.send(unknown).code == "AA"  # the same bytes: today's answer
    assert Message.objects.count() == 1


def test_a_sender_that_is_switched_off_is_refused(wire, sender):
    actions.change_sender(actions.MACHINE, sender=sender, is_active=False)
    assert wire.samples(A28).code == "AR"


def test_a_production_sender_takes_production_only(wire, sender):
    actions.change_sender(actions.MACHINE, sender=sender, processing="production")
    assert wire.samples("ERR-06-production-flag.hl7").code == "AA"
    assert wire.samples(A28).errors[0][0] == "202"


@pytest.mark.parametrize(
    "old, new, answer",
    [
        ("2.5^FRA^2.11|||||", "2.5^FRA^2.4|||||", "AA"),  # older French versions
        ("2.5^FRA^2.11|||||", "2.5^FRA^2.10|||||", "AA"),
        ("2.5^FRA^2.11|||||", "2.5|||||", "AA"),
        ("2.5^FRA^2.11|||||", "2.5.1|||||", "AA"),
        ("ADT^A28^ADT_A05", "ADT^A28^ADT_A28", "AA"),  # a wrong structure name, as seen
        ("ADT^A28^ADT_A05", "ADT^A28", "AA"),
        ("UNICODE UTF-8", "", "AA"),
        ("UNICODE UTF-8", "KLINGON", "AA"),
        ("EVN||20260105093000||||20260105093000\r", "", "AA"),
        ("PV1||N\r", "", "AA"),
        ("^^^^L||1976", "||1976", "AA"),  # no type of name
        ("||19760305|F|", "||19760305||", "AA"),
        ("||19760305|F|", "||197603|F|", "AA"),
        ("||19760305|F|", "|||F|", "AE"),
        ("||19760305|F|", "||19761345|F|", "AE"),
        ("||19760305|F|", "||19760305|X|", "AE"),
        ("LEGOFF^MAELLE^MAELLE ANNE", "", "AE"),
        ("LEGOFF^MAELLE^MAELLE ANNE", "L3GOFF^MAELLE", "AE"),
        ("IPP-000778^^^CHU-TEST&1.2.250.1.213.99.1&ISO^PI", "", "AE"),
        ("IPP-000778^^^CHU-TEST&1.2.250.1.213.99.1&ISO^PI", "IPP-000778^^^^PI", "AA"),
        ("|MSG0002|", "||", "AE"),
        ("ADT^A28^ADT_A05", "ORU^R01^ORU_R01", "AR"),
        ("ADT^A28^ADT_A05", "", "AR"),
        ("PID|", "PIX|", "AE"),
    ],
)
def test_deviations_warn_and_faults_refuse(wire, old, new, answer):
    ack = wire.send(changed(sample(A28), old, new))
    assert ack.code == answer
    assert answer == "AA" or ack.said


def test_an_older_version_may_leave_reliability_out(wire):
    old = changed(sample("ERR-01-missing-pid32.hl7"), "2.5^FRA^2.11|||||", "2.5^FRA^2.4|||||")
    ack = wire.send(old)
    assert (ack.code, ack.errors[-1][2]) == ("AA", "PID^1^32")
    assert holder("IPP-000777").identity.status == "PROV"


def test_bytes_that_belie_their_charset_still_give_right_accents(wire):
    wrong = changed(sample("ENC-01-iso-8859-15.hl7"), "8859/15", "UNICODE UTF-8")
    assert wire.send(wrong).code == "AA"
    assert holder("IPP-000782").coordinates.address == "3 RUE DE L'ÉGLISE"
    assert Message.objects.get().state == "warned"


def test_escapes_and_hostile_names_are_only_text(wire):
    raw = changed(sample(A28), "4 RUE DU PORT", "4 RUE \\T\\ CO \\F\\ '; DROP TABLE patients_patient; --\\X00\\\\XZZ\\")
    assert wire.send(raw).code == "AA"
    assert holder("IPP-000778").coordinates.address == "4 RUE & CO | '; DROP TABLE patients_patient; --"


def test_a_database_that_is_down_closes_without_an_answer(wire, monkeypatch):
    from django.db import OperationalError

    def down(raw, *, certificate=""):
        raise OperationalError("the server closed the connection unexpectedly")

    good = wire.listener.apply
    wire.listener.apply = down
    assert wire.samples(A28) is None
    wire.listener.apply = good
    assert wire.samples(A28).code == "AA"


def test_our_own_failure_is_said_and_the_same_bytes_are_tried_again(wire, monkeypatch):
    from cercle.doors.hl7v2 import messages

    event = messages.EVENTS["ADT^A28"]

    def broken(reading):
        raise ZeroDivisionError

    monkeypatch.setitem(messages.EVENTS, "ADT^A28", messages.Event(broken, event.structure))
    ack = wire.samples(A28)
    assert (ack.code, ack.errors[0][0]) == ("AE", "207")
    assert Message.objects.get().state == "quarantine"
    monkeypatch.setitem(messages.EVENTS, "ADT^A28", event)
    assert wire.samples(A28).code == "AA"
    assert Message.objects.get().state == "applied"


# --- TLS --------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """An authority, a server and a client, made by OpenSSL for this run."""
    home = tmp_path_factory.mktemp("tls")

    def run(*words):
        subprocess.run(["openssl", *words], cwd=home, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
        "-subj", "/CN=Essai", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name in ("localhost", "gam.chu-test"):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}")  # fmt: skip
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2",
            "-copy_extensions", "copy")  # fmt: skip
    return home


def test_tls_asks_for_a_client_certificate(sender, keys):
    wire = Wire(tls=mllp.tls(str(keys / "localhost.pem"), str(keys / "localhost.key"), str(keys / "ca.pem")))
    try:
        client = ssl.create_default_context(cafile=str(keys / "ca.pem"))
        with pytest.raises((ssl.SSLError, OSError)):
            stranger = Peer(wire.port, tls=client)
            assert stranger.send(sample(A28)) is not None or _closed()
        client.load_cert_chain(keys / "gam.chu-test.pem", keys / "gam.chu-test.key")
        assert wire.peer(tls=client).send(sample(A28)).code == "AA"
        actions.change_sender(actions.MACHINE, sender=sender, certificate="gam.chu-test")
        assert wire.peer(tls=client).send(numbered(1)).code == "AA"
        actions.change_sender(actions.MACHINE, sender=sender, certificate="autre")
        assert wire.peer(tls=client).send(numbered(2)).code == "AR"
    finally:
        wire.stop()


def _closed():
    raise OSError("closed")
