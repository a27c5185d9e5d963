"""Structures and professionals of the invented territory. Real communes, invented people; numbers of a fictive range."""

from dataclasses import dataclass, field

# key: name, category (TRE_R66), commune, street, phone
PLACES: dict[str, tuple[str, str, str, str, str]] = {
    "madeleine": ("Cabinet de la Madeleine", "", "29220", "12 rue de la Madeleine", "0261914001"),
    "msp": ("Maison de santé du Pays bigouden", "603", "29220", "3 rue des Carmes", "0261914002"),
    "loctudy": ("Cabinet infirmier de Loctudy", "", "29135", "8 rue du Port", "0261914003"),
    "dac29": ("DAC Cornouaille", "606", "29232", "2 allée Sully", "0261914004"),
    "dac56": ("DAC du Pays de Vannes", "606", "56260", "17 rue du Vincin", "0261914005"),
    "cpts": ("CPTS du Pays bigouden", "604", "29220", "3 rue des Carmes", "0261914006"),
    "ch": ("CH de Quimper", "355", "29232", "14 avenue des Hortensias", "0261914007"),
    "penfeld": ("Hôpital de la Penfeld", "101", "29019", "1 boulevard des Marins", "0261914008"),
    "smr": ("SMR de l’Odet", "109", "29232", "40 route de Bénodet", "0261914009"),
    "ehpad": ("EHPAD Résidence de l’Estran", "500", "29135", "5 rue des Dunes", "0261914010"),
    "ssiad": ("SSIAD du Cap", "354", "29220", "6 rue Jean Lautrédou", "0261914011"),
    "saad": ("SAAD du Pays bigouden", "460", "29220", "21 quai Saint-Laurent", "0261914012"),
    "bourhis": ("Pharmacie Bourhis", "620", "29220", "1 place de la République", "0261914013"),
    "quere": ("Pharmacie du Steïr", "620", "29232", "30 rue du Chapeau Rouge", "0261914014"),
    "lambe": ("Pharmacie de Lambézellec", "620", "29019", "9 place des FFI", "0261914015"),
    "vannes": ("Cabinet médical du Vincin", "", "56260", "11 rue du Vincin", "0261914016"),
    "rennes": ("EHPAD Les Jardins de la Vilaine", "500", "35238", "60 rue de Brest", "0261914017"),
}
ZONES = {
    "bigouden": ["29220", "29135", "29037", "29165", "29158", "29085", "29171", "29214", "29072"],
    "quimper": ["29232", "29020", "29006", "29057", "29170", "29216"],
    "brest": ["29019", "29075", "29189", "29235", "29212"],
    "vannes": ["56260", "56206", "56251", "56243", "56008"],
}
SHARES = {"bigouden": 8, "quimper": 5, "brest": 4, "vannes": 3}  # patients out of twenty
WARDS = {
    "ch": ["cardiologie", "chirurgie orthopédique", "médecine polyvalente"],
    "penfeld": ["médecine gériatrique"],
    "smr": ["rééducation"],
}


@dataclass(frozen=True)
class Pro:
    key: str
    civility: str
    given: str
    family: str
    work: str  # nurse, doctor, pharm, physio, coord, aid, ssiad, ward, ortho, psy, social, none (outside every circle)
    zone: str
    place: str
    login: str = ""
    second: tuple[str, str] = ("", "")  # another situation of exercise: place, mode
    admin: bool = False
    extra: dict = field(default_factory=dict)


# work: profession system, code, mode, title, more
WORKS: dict[str, tuple[str, str, str, str, dict]] = {
    "nurse": ("TRE_G15", "60", "L", "", {}),
    "doctor": ("TRE_G15", "10", "L", "DR", {"specialty": "SM54", "specialty_label": "Médecine générale"}),
    "pharm": ("TRE_G15", "21", "L", "", {}),
    "physio": ("TRE_G15", "70", "L", "", {}),
    "coord": ("JDV_J48", "309", "S", "", {"profession_label": "Coordinatrice DAC", "function": "330"}),
    "aid": ("JDV_J48", "318", "S", "", {}),
    "ssiad": ("TRE_G15", "35", "S", "", {}),
    "ward": ("TRE_G15", "60", "S", "", {}),
    "ortho": ("TRE_G15", "91", "L", "", {}),
    "psy": ("TRE_G15", "93", "S", "", {}),
    "social": ("JDV_J48", "300", "S", "", {}),
    "none": ("TRE_G15", "60", "S", "", {}),
}


def _pro(line: str) -> Pro:
    work, zone, place, civility, name, *more = (part.strip() for part in line.split("|"))
    given, _, family = name.partition(" ")
    family = family.replace("_", " ")
    options = dict(m.split("=") for m in more if "=" in m)
    other, _, mode = options.get("second", ":").partition(":")
    return Pro(
        f"{given} {family}",
        civility,
        given,
        family,
        work,
        zone,
        place,
        options.get("login", ""),
        (other, mode),
        "admin" in more,
    )


PROS = [
    _pro(line)
    for line in """
nurse|bigouden|madeleine|MME|Maëlle Tanguy|login=maelle
nurse|bigouden|madeleine|M|Gwenaël Le_Corre
nurse|bigouden|loctudy|MME|Soizic Morvan|second=ssiad:S|login=soizic
nurse|quimper|msp|MME|Enora Cadiou
nurse|quimper|msp|M|Yann Bescond
nurse|brest||MME|Tiphaine Le_Meur
nurse|vannes|vannes|MME|Rozenn Guéguen
doctor|bigouden|msp|M|Erwan Kervella|login=erwan
doctor|bigouden|msp|MME|Anne Le_Coz|second=ehpad:S
doctor|quimper||M|Hervé Salaün
doctor|quimper||MME|Gaëlle Prigent
doctor|brest||M|Mathieu Le_Floch
doctor|vannes|vannes|MME|Claire Jaouen
pharm|bigouden|bourhis|MME|Anne-Sophie Bourhis|login=annesophie
pharm|quimper|quere|M|Ronan Quéré
pharm|brest|lambe|MME|Delphine Le_Goff
physio|bigouden||M|Loïc Pennec|second=smr:S|login=loic
physio|quimper||MME|Marine Kerdoncuff
physio|brest||M|Tugdual Le_Roy
coord|bigouden|dac29|MME|Nolwenn Le_Bris|login=nolwenn
coord|quimper|dac29|MME|Morgane Hascoët|admin
coord|vannes|dac56|M|Youenn Cariou
aid|bigouden|saad|MME|Katell Riou|login=katell
aid|quimper|saad|MME|Sabrina Guillou
aid|bigouden|saad|M|Mickaël Le_Dréau
aid|vannes|saad|MME|Fatima Benali
ssiad|bigouden|ssiad|MME|Élodie Le_Berre
ssiad|quimper|ssiad|MME|Christelle Tromeur
ward|bigouden|ch|MME|Inès Abgrall|login=ines
ward|quimper|ch|M|Julien Cloarec
ward|brest|penfeld|MME|Aurélie Marchand
ward|vannes|smr|MME|Sterenn Bodénès|second=ehpad:S
ortho|bigouden||MME|Lucie Stéphan
ortho|brest||MME|Gwenola Pichon
psy|bigouden|cpts|MME|Hélène Autret
social|quimper|dac29|MME|Martine Kermarec
nurse|brest||M|Steven Lagadec
none|rennes|rennes|MME|Zoé Lannuzel|login=zoe
none|rennes|rennes|M|Tristan Rolland
none|bigouden|ssiad|MME|Brigitte Nédélec|admin|login=brigitte
""".strip().splitlines()
]

PASSWORD = "demo demo demo"
DOMAIN = "demo.example"
# Accounts that show the second factor; the others sign in by password.
SECRETS = {
    "nolwenn": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "brigitte": "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU",
    "operateur": "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK",
}
