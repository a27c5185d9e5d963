"""No page about a patient without a trace: what a view forgot is written here, before the answer leaves."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cercle.base.audit.record import Kind, record, written


class TracedReads:
    """After a gate was passed and nothing was recorded since: one row « circles.page_opened ». If it fails, so does the page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        before = written()
        response = self.get_response(request)
        acting = getattr(request, "acting", None)
        if acting is not None and written() == before and response.status_code < 400:
            view = request.resolver_match.view_name if request.resolver_match else ""
            record(acting, "circles.page_opened", kind=Kind.READ, details={"view": view})
        return response
