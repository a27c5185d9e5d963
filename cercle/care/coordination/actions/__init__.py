"""The verbs: files.py (episodes, sheets, handovers), plan.py (plan, goals, actions, meetings)."""
