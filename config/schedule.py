"""Every recurring job, in one place. Cron has five fields; six when seconds come last."""

from cercle.base.audit import tasks as audit
from cercle.base.common import tasks as common
from cercle.base.common.jobs import every
from cercle.base.notifications import tasks as notifications
from cercle.base.web import tasks as web
from cercle.care.agenda import tasks as agenda
from cercle.care.coordination import plan_tasks as plans
from cercle.care.coordination import tasks as coordination
from cercle.care.documents import tasks as documents
from cercle.care.orientation import tasks as orientation
from cercle.doors.fhir import tasks as fhir
from cercle.doors.hl7v2 import tasks as hl7v2
from cercle.doors.steering import tasks as steering
from cercle.people.accounts import tasks as accounts
from cercle.people.circles import tasks as circles
from cercle.people.patients import tasks as patients

every("* * * * *", common.put_back_stalled)
every("17 3 * * *", common.forget_old)
every("* * * * *", audit.seal)
every("41 2 * * *", audit.partitions)
every("* * * * *", notifications.send_due)
every("23 * * * *", web.forget_old_counters)
every("*/10 * * * *", documents.catch_up)
every("29 2 * * *", accounts.purge)
every("7 1 * * *", patients.search_duplicates)
every("*/5 * * * *", circles.end_due)
every("53 3 * * *", fhir.forget_received)
every("57 3 * * *", hl7v2.forget_messages)
every("11 * * * *", coordination.end_handovers)
every("*/10 * * * *", coordination.catch_up)
every("7 5 * * *", plans.remind)
every("*/5 * * * *", agenda.remind)
every("*/15 * * * *", orientation.watch_deadlines)
every("43 4 11 * *", steering.freeze_last_month)
