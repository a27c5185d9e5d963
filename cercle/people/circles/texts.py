"""First wording of the two flows; a region publishes its own next versions."""

INFORMATION = (
    "Les professionnels qui vous soignent ou vous accompagnent partagent, dans votre cahier de liaison, les informations utiles "
    "à la coordination de vos soins. Vous pouvez à tout moment savoir qui fait partie de votre cercle, qui a consulté votre "
    "dossier, et vous opposer au partage, en tout ou pour une partie, avec un professionnel, une profession ou une structure."
)
CONSENT = (
    "Vous acceptez que les informations utiles à votre accompagnement soient partagées avec la personne nommée ci-dessous, qui "
    "ne fait pas partie de votre équipe de soins. Vous pouvez retirer cet accord à tout moment : l’accès s’arrête aussitôt."
)
