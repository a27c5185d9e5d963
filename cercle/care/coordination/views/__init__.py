"""The screens: files.py (file, sheets, caseload), plan.py (plan and meetings)."""
