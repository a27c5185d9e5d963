"""Two feeds at the same instant: real commits, on a database of this test alone."""

import threading

from django.db import connection

from cercle.people.patients import actions
from cercle.people.patients.actions import Found
from cercle.people.patients.models import Identity, Patient, PatientIdentifier
from tests.people.patients.test_statuses import DARK, DARK_INS


def test_two_feeds_at_once_make_one_holder(fresh_db, clerk, traits):
    gate, results = threading.Barrier(2), []

    def send(number):
        try:
            gate.wait(timeout=10)
            got = actions.receive_patient(
                clerk,
                traits=traits(**DARK),
                ins_value=DARK_INS[0],
                ins_oid=DARK_INS[1],
                identifiers=[("IPP", "1.2.3", number)],
                sender_qualified=True,
                source="hl7v2",
            )
            results.append(got.found)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(n,)) for n in ("A", "B")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(results) == [Found.BY_INS, Found.CREATED]
    assert Patient.objects.count() == 1
    assert Identity.objects.current().filter(ins_value=DARK_INS[0]).count() == 1
    assert PatientIdentifier.objects.count() == 2
