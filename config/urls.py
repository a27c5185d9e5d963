"""Every route prefix on one screen."""

from django.urls import include, path

from cercle.base.common.health import healthz

urlpatterns: list = [path("healthz", healthz)]

urlpatterns += [path("", include("cercle.people.accounts.urls")), path("", include("cercle.people.directory.urls"))]
urlpatterns += [path("", include("cercle.care.documents.urls")), path("", include("cercle.care.stays.urls"))]
urlpatterns += [path("", include("cercle.people.circles.urls"))]
urlpatterns += [path("", include("cercle.care.notebook.urls")), path("", include("cercle.care.record.urls"))]
urlpatterns += [path("", include("cercle.care.questionnaires.urls")), path("", include("cercle.care.agenda.urls"))]
urlpatterns += [path("", include("cercle.care.coordination.urls")), path("", include("cercle.care.orientation.urls"))]
urlpatterns += [path("", include("cercle.care.structures.urls")), path("", include("cercle.doors.steering.urls"))]
urlpatterns += [path("", include("cercle.doors.fhir.urls"))]
urlpatterns += [path("", include("cercle.doors.hl7v2.urls"))]
urlpatterns += [path("", include("cercle.base.web.urls"))]

handler400 = "cercle.base.web.errors.bad_request"
handler403 = "cercle.base.web.errors.forbidden"
handler404 = "cercle.base.web.errors.not_found"
handler500 = "cercle.base.web.errors.server_error"
