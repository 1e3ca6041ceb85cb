"""What a dienstverlener and a user ask about the means, that cannot be."""

from __future__ import annotations

from schemas.topics import AUTHN_REQUESTS, MEANS_CHOICES
from schemas.values import Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.answers import MEANS
from tests.integration.bad_input.rows import (
    UNHARMED,
    Layer,
    Moment,
    Row,
    dead,
    ends,
    told,
)
from tests.support.kinds import KEY, PASSWORD

NOBODY = "urn:etoegang:AD:00000099000000002000:entities:9009"

ROWS = (
    Row(
        "a request that declares means of nobody in the directory",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"declared": [NOBODY]}),
        UNHARMED,
        (Layer((stops.DECLARED_FITS,), ends("nothing", asked=-2, lost=("audience_refused",))),),
        Moment.INSTEAD,
        MEANS,
    ),
    Row(
        "a request that declares means that do not reach the level",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"declared": [p.world.entity("geul")]}),
        UNHARMED,
        (
            Layer(
                (stops.DECLARED_FITS,),
                ends("level_not_supported", "authentication-results", asked=-2),
            ),
        ),
        Moment.INSTEAD,
        MEANS,
    ),
    Row(
        "a request that declares 21 means",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"declared": [p.world.entity("dijk")] * 21}),
        told("request_malformed"),
        (Layer((stops.CONTENT,), dead("handler_failed")),),
        login=MEANS,
    ),
    Row(
        "a request for a provider that does not reach the level",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"provider": p.world.entity("geul")}),
        ends("provider_does_not_fit", "authn-requests", asked=-2),
        (Layer((stops.PROVIDER_FITS,), dead("handler_failed", login="nothing", asked=-2)),),
        Moment.INSTEAD,
        PASSWORD,
    ),
    Row(
        "a request at a level that has ended",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"level": Level.LOA1.value}),
        ends("level_ended", "authn-requests", asked=-2),
        (Layer((stops.LEVEL_EXISTS,), UNHARMED),),
        Moment.INSTEAD,
        MEANS,
    ),
    Row(
        "a request below the level of the service",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"level": Level.EH2PLUS.value}),
        UNHARMED,
        (
            Layer(
                (stops.LEVEL_OF_SERVICE,),
                ends("level_not_supported", "authentication-results", asked=1),
            ),
        ),
        Moment.INSTEAD,
        KEY,
    ),
    Row(
        "a choice of means to be remembered, where no browser is named",
        MEANS_CHOICES,
        lambda p: p.written(remember=True),
        UNHARMED,
        (Layer((stops.BROWSER_NAMED,), dead("data_refused", login="nothing", asked=-1)),),
        Moment.INSTEAD,
        MEANS,
    ),
)
