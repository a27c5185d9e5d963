"""Routes of accounts. allauth finds its pages by these names; ours are in the namespace `accounts`."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import include, path
from django.views.generic import RedirectView

from .views import door, links, own, region, structure

to_security = RedirectView.as_view(pattern_name="accounts:security")

ours = [
    path("connexion/ma-page/", door.OwnPageSignIn.as_view(), name="own_page"),
    path("connexion/code-perdu/", door.lost_factor, name="lost_factor"),
    path("connexion/activation/", links.activation, name="activation"),
    path("connexion/activation/<str:token>/", links.activation, name="activation"),
    path("connexion/nouveau-mot-de-passe/", links.choose_password, name="choose_password"),
    path("connexion/nouveau-mot-de-passe/<str:token>/", links.choose_password, name="choose_password"),
    path("connexion/second-facteur/", links.recover, name="recover"),
    path("connexion/second-facteur/<str:token>/", links.recover, name="recover"),
    path("contexte/", door.change_context, name="context"),
    path("compte/", own.home, name="home"),
    path("compte/securite/", own.security, name="security"),
    path("compte/premiers-pas/", own.first_factor, name="first_factor"),
    path("compte/conditions/", own.terms, name="terms"),
    path("compte/sessions/terminer/", own.end_session, name="end_session"),
    path("ma-structure/", structure.structures, name="structures"),
    path("ma-structure/<uuid:organization_id>/", structure.structure, name="structure"),
    path("ma-structure/<uuid:organization_id>/inviter/", structure.invite, name="invite"),
    path(
        "ma-structure/<uuid:organization_id>/invitations/<uuid:invitation_id>/<str:verb>/",
        structure.invitation, name="invitation",
    ),
    path("ma-structure/<uuid:organization_id>/comptes/<uuid:account_id>/", structure.account, name="account"),
    path("ma-structure/demandes/<uuid:recovery_id>/", structure.recovery, name="recovery"),
    path("assistance/", region.support, name="support"),
    path("region/", region.region, name="region"),
    path("region/inviter/", region.invite_staff, name="invite_staff"),
    path("region/conditions/", region.publish_terms, name="publish_terms"),
    path("region/comptes/<uuid:account_id>/", region.staff_account, name="staff_account"),
]  # fmt: skip

urlpatterns = [
    path("", include((ours, "accounts"))),
    path("connexion/", door.SignIn.as_view(), name="account_login"),
    path("connexion/code/", door.Code.as_view(), name="mfa_authenticate"),
    path("connexion/cle/", door.Passkey.as_view(), name="mfa_login_webauthn"),
    path("connexion/mot-de-passe-oublie/", door.forgotten_password, name="account_reset_password"),
    path("connexion/compte-ferme/", door.closed, name="account_inactive"),
    path("deconnexion/", door.SignOut.as_view(), name="account_logout"),
    path("compte/confirmer/", account.reauthenticate, name="account_reauthenticate"),
    path("compte/confirmer/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("compte/confirmer/cle/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("compte/mot-de-passe/", account.password_change, name="account_change_password"),
    path("compte/facteurs/", to_security, name="mfa_index"),
    path("compte/codes/activer/", totp.activate_totp, name="mfa_activate_totp"),
    path("compte/codes/retirer/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("compte/cle-acces/", to_security, name="mfa_list_webauthn"),
    path("compte/cle-acces/ajouter/", own.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("compte/cle-acces/<int:pk>/nom/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("compte/cle-acces/<int:pk>/retirer/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("compte/codes-de-secours/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("compte/codes-de-secours/nouveaux/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("compte/codes-de-secours/fichier/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("compte/sessions/", own.sessions, name="usersessions_list"),
]
