"""Why a command was refused, and what to do: for who commanded, in Dutch and in English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schemas.administration import CommandRefusal


@dataclass(frozen=True)
class Text:
    """What who commanded is told."""

    nl: str
    en: str


TEXTS: Final[dict[CommandRefusal, Text]] = {
    CommandRefusal.ASSERTION_REFUSED: Text(
        "Uw inlog is niet geldig of te oud. Log opnieuw in en geef de opdracht meteen.",
        "Your login does not hold, or is too old. Log in again, and give the command at once.",
    ),
    CommandRefusal.NOT_AUTHORISED: Text(
        "U mag dit niet doen. Laat het doen door wie daarvoor bevoegd is: de beheerder van de "
        "organisatie, haar vertegenwoordiger (beheerders aanwijzen) of het register (op papier).",
        "You may not do this. Let it be done by who may: the organisation's own manager, its "
        "representative (to appoint managers), or the registry's operators (in writing).",
    ),
    CommandRefusal.COMMAND_MALFORMED: Text(
        "De opdracht is niet te lezen. Geef de opdracht opnieuw, met een nieuw kenmerk.",
        "The command cannot be read. Give it again, under a new ID.",
    ),
    CommandRefusal.COMMAND_ID_REUSED: Text(
        "Onder dit kenmerk is al een andere opdracht gegeven. Gebruik een nieuw kenmerk.",
        "Another command was given under this ID. Use a new ID.",
    ),
    CommandRefusal.LEVEL_ABOVE_OWN: Text(
        "Het niveau ligt boven dat waarop u bent ingelogd. Log in op een hoger niveau, of kies een "
        "lager.",
        "The level is above the one that you logged in at. Log in at a higher level, or choose a "
        "lower one.",
    ),
    CommandRefusal.NOT_FOUND: Text(
        "Uw organisatie heeft dit niet, of er is niets goed te keuren. Bekijk de lijst.",
        "Your organisation has no such thing, or there is nothing to approve. Look at the list.",
    ),
    CommandRefusal.PERSON_UNKNOWN: Text(
        "Deze persoon is hier niet bekend, of werkt niet voor uw organisatie. Laat de persoon "
        "eerst registreren.",
        "This person is not known here, or does not work for your organisation. Have the person "
        "registered first.",
    ),
    CommandRefusal.SERVICE_UNKNOWN: Text(
        "Deze dienst staat niet (meer) in de dienstencatalogus. Kies een dienst die er in staat.",
        "This service is not, or no longer, in the catalogue. Choose one that is.",
    ),
    CommandRefusal.VESTIGING_UNKNOWN: Text(
        "Deze vestiging is niet van de organisatie. Kies een van haar vestigingsnummers.",
        "This vestiging is not the organisation's. Choose one of its vestigingsnummers.",
    ),
    CommandRefusal.VALIDITY_REFUSED: Text(
        "De geldigheid klopt niet: zij eindigt na het begin, in de toekomst, en na hoogstens vijf "
        "jaar. Wat verlopen is, registreert u opnieuw.",
        "The validity does not hold: it ends after it begins, in the future, within five years. "
        "What has expired is registered anew.",
    ),
    CommandRefusal.DOCUMENT_NEEDED: Text(
        "Op papier registreert u met document en organisatie. Geef de opdracht met beide opnieuw.",
        "In writing, a document and an organisation are needed. Give the command again, with both.",
    ),
    CommandRefusal.SECOND_OPERATOR_NEEDED: Text(
        "U hebt hier al mee ingestemd. Laat iemand anders het goedkeuren.",
        "You have agreed to this already. Let somebody else approve it.",
    ),
    CommandRefusal.ALREADY_WITHDRAWN: Text(
        "Dit is al ingetrokken. Er is niets meer te doen; registreer het zo nodig opnieuw.",
        "This is withdrawn already. Nothing is left to do; register it anew where it is needed.",
    ),
    CommandRefusal.CHAINS_NOT_OFFERED: Text(
        "Dit register biedt geen ketenmachtigingen. Gebruik een register dat dat wel doet.",
        "This registry offers no ketenmachtigingen. Use one that does.",
    ),
    CommandRefusal.SAME_ORGANISATION: Text(
        "Een organisatie kan niet haar eigen intermediair zijn. Registreer een gewone machtiging.",
        "An organisation cannot be its own intermediary. Register an ordinary mandate.",
    ),
    CommandRefusal.INTERMEDIATION_REFUSED: Text(
        "Minstens een van de diensten staat deze intermediair niet toe. Laat die dienst weg, of "
        "vraag de dienstverlener om toestemming.",
        "One of the services at least does not allow this intermediary. Leave it out, or ask the "
        "service provider for approval.",
    ),
}
