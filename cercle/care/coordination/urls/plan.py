from django.urls import path

from ..views import meetings, plan

P = "patients/<uuid:circle_id>/plan/"
R = "patients/<uuid:circle_id>/reunions/"
urlpatterns = [
    path(f"{P}commencer/", plan.start, name="plan_start"),
    path(f"{P}<uuid:plan_id>/", plan.show, name="plan"),
    path(f"{P}<uuid:plan_id>/mots/", plan.words, name="plan_words"),
    path(f"{P}<uuid:plan_id>/apercu/", plan.preview, name="plan_preview"),
    path(f"{P}<uuid:plan_id>/apercu/<int:number>.png", plan.page, name="plan_page"),
    path(f"{P}<uuid:plan_id>/pdf/<str:kind>/", plan.printed, name="plan_pdf"),
    path(f"{P}<uuid:plan_id>/versions/", plan.versions, name="plan_versions"),
    path(f"{P}<uuid:plan_id>/proposer/", plan.propose, name="plan_propose"),
    path(f"{P}<uuid:plan_id>/accord/", plan.agree, name="plan_agree"),
    path(f"{P}<uuid:plan_id>/signer/", plan.sign, name="plan_sign"),
    path(f"{P}<uuid:plan_id>/reviser/", plan.revise, name="plan_revise"),
    path(f"{P}<uuid:plan_id>/envoyer/", plan.send, name="plan_send"),
    path(f"{P}<uuid:plan_id>/clore/", plan.close, name="plan_close"),
    path(f"{P}<uuid:plan_id>/problemes/", plan.problem_add, name="problem_add"),
    path(f"{P}<uuid:plan_id>/objectifs/", plan.goal_add, name="goal_add"),
    path(f"{P}<uuid:plan_id>/cahier/<uuid:note_id>/", plan.adopt, name="note_adopt"),
    path(f"{P}problemes/<uuid:problem_id>/mots/", plan.problem_words, name="problem_words"),
    path(f"{P}problemes/<uuid:problem_id>/retirer/", plan.problem_end, name="problem_end"),
    path(f"{P}objectifs/<uuid:goal_id>/mots/", plan.goal_words, name="goal_words"),
    path(f"{P}objectifs/<uuid:goal_id>/etat/", plan.goal_state, name="goal_state"),
    path(f"{P}objectifs/<uuid:goal_id>/mot/", plan.goal_comment, name="goal_comment"),
    path(f"{P}objectifs/<uuid:goal_id>/actions/", plan.action_new, name="action_new"),
    path(f"{P}actions/<uuid:action_id>/", plan.action_edit, name="action"),
    path(f"{P}actions/<uuid:action_id>/etat/", plan.action_state, name="action_state"),
    path(f"{P}actions/<uuid:action_id>/reponse/", plan.action_answer, name="action_answer"),
    path(f"{R}nouvelle/", meetings.new, name="meeting_new"),
    path(f"{R}<uuid:meeting_id>/", meetings.show, name="meeting"),
    path(f"{R}<uuid:meeting_id>/mots/", meetings.words, name="meeting_words"),
    path(f"{R}<uuid:meeting_id>/reponse/", meetings.answer, name="meeting_answer"),
    path(f"{R}<uuid:meeting_id>/tenue/", meetings.held, name="meeting_held"),
    path(f"{R}<uuid:meeting_id>/annuler/", meetings.cancel, name="meeting_cancel"),
    path(f"{R}<uuid:meeting_id>/decisions/", meetings.decide, name="decision_add"),
    path(f"{R}<uuid:meeting_id>/pdf/<str:kind>/", meetings.printed, name="meeting_pdf"),
    path(f"{R}<uuid:meeting_id>/envoyer/", meetings.send, name="minutes_send"),
    path(f"{R}decisions/<uuid:resolution_id>/action/", meetings.to_action, name="decision_action"),
]
