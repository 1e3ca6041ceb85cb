"""What a rule found: kept in the row of the login, so that `herken explain` can say why.

A finding says what was seen in general terms (a level, a date, how many), never whose it was.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Finding(BaseModel):
    """One rule, judged once.

    rule    its name, as in the table of rules
    saw     what it looked at, in a few words
    passed  whether it held
    needed  where it did not: the nearest thing that would have, and who can bring it about
    about   of several candidates, which one (`mandate 2 of 3`); empty: the login as a whole
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    saw: str
    passed: bool
    needed: str = ""
    about: str = ""
