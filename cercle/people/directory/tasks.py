from uuid import UUID

from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.people.directory.models import DirectoryReport


@task(retry=3)
def tell_who_reported(report_id: str) -> None:
    report = DirectoryReport.objects.filter(pk=UUID(str(report_id))).exclude(status=DirectoryReport.Status.OPEN).first()
    if report is not None:
        notify("directory_correction", users={report.author_user_id: Relation.NAMED}, target=report)
