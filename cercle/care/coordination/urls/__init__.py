"""Addresses: files.py (file, sheets, caseload, tasks), plan.py (plan and meetings)."""

from . import files, plan

app_name = "coordination"
urlpatterns = [*files.urlpatterns, *plan.urlpatterns]
