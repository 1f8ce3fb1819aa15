"""Groups, signatures, and where mail goes that arrives."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field, StringConstraints

from beleg.accounts import ARRIVAL, ArrivalRule, Group, Signature
from beleg.accounts.model import Work
from beleg.errors import NotFound
from beleg.web.api.access import Administering, Reading
from beleg.web.api.fields import LARGEST, TEXT, Given, Lang, Number
from beleg.web.api.shapes import Answer
from beleg.web.site import Site, site_of

router = APIRouter(tags=["accounts"])

GroupNumber = Annotated[Number, Path(description="Number of the group.", examples=[1])]
SignatureNumber = Annotated[Number, Path(description="Number of the signature.", examples=[1])]
_Account = Annotated[Number, Path(description="Number of an account that fetches mail.", examples=[1])]
_Number = Annotated[int, Field(ge=1, le=LARGEST)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT)]
_Text = Annotated[str, StringConstraints(max_length=20_000, pattern=TEXT)]


class GroupSeen(Answer):
    """A group, which is made with an account that fetches mail."""

    id: int
    name: str
    address: str
    """The From address of what is sent for it; it is ignored as evidence."""
    signature: int | None
    """Number of its default signature."""
    remote: str | None
    """Its id on a mail server of another make."""

    @classmethod
    def of(cls, group: Group) -> Self:
        """A group as an answer has it."""
        return cls.model_validate(group, from_attributes=True)


class Groups(Answer):
    """All groups, by name."""

    items: list[GroupSeen]


class ChangedGroup(Given):
    """What is to change of a group; what is left out stays."""

    name: _Name | None = None
    address: Annotated[str, StringConstraints(max_length=320, pattern=TEXT)] | None = None
    signature: _Number | None = Field(None, description="number of its default signature; null: none")


class SignatureSeen(Answer):
    """A signature."""

    id: int
    name: str
    text: str
    """Plain text, its lines parted by line feeds."""

    @classmethod
    def of(cls, signature: Signature) -> Self:
        """A signature as an answer has it."""
        return cls.model_validate(signature, from_attributes=True)


class Signatures(Answer):
    """All signatures, by name."""

    items: list[SignatureSeen]


class NewSignature(Given):
    """A signature to be."""

    name: _Name = Field(examples=["Shop"])
    text: _Text = Field(examples=["Kind regards\nYour shop"])


class ChangedSignature(Given):
    """What is to change of a signature; what is left out stays."""

    name: _Name | None = None
    text: _Text | None = None


class ArrivalSeen(Answer):
    """Where mail goes that arrives on an account."""

    account: int
    name: str
    """What the rule is called."""
    group: int
    work: Work
    """Whether it arrives open or done."""
    owner: int | None
    """The user who gets it; null: the pool."""
    topic: int | None


class ArrivalRules(Answer):
    """All of these rules, by account."""

    items: list[ArrivalSeen]


class ChangedArrival(Given):
    """What is to change of such a rule; what is left out stays."""

    group: _Number | None = None
    work: Work | None = None
    owner: _Number | None = Field(None, description="number of the user who gets it; null: the pool")
    topic: _Number | None = Field(None, description="number of the topic that it gets; null: none")


# --- groups ------------------------------------------------------------------------------------------------------


@router.get("/groups", operation_id="listGroups", summary="List groups")
def list_groups(request: Request, caller: Reading) -> Groups:
    """All groups, by name."""
    return Groups(items=[GroupSeen.of(each) for each in site_of(request).accounts.groups()])


@router.get("/groups/{group}", operation_id="showGroup", summary="Show a group")
def show_group(request: Request, group: GroupNumber, caller: Reading) -> GroupSeen:
    """A group."""
    return GroupSeen.of(site_of(request).accounts.group(group))


@router.patch("/groups/{group}", operation_id="changeGroup", summary="Change a group")
def change_group(request: Request, group: GroupNumber, body: ChangedGroup, caller: Administering) -> GroupSeen:
    """Change a group; what is left out stays. Groups are neither made nor removed by hand."""
    fields = _given(body, "signature")
    return GroupSeen.of(site_of(request).accounts.change_group(group, caller.name, **fields))


# --- signatures --------------------------------------------------------------------------------------------------


@router.get("/signatures", operation_id="listSignatures", summary="List signatures")
def list_signatures(request: Request, caller: Reading) -> Signatures:
    """All signatures, by name."""
    return Signatures(items=[SignatureSeen.of(each) for each in site_of(request).accounts.signatures()])


@router.post("/signatures", operation_id="addSignature", summary="Add a signature", status_code=201)
def add_signature(request: Request, body: NewSignature, caller: Administering) -> SignatureSeen:
    """A new signature. 400 where the name is taken."""
    return SignatureSeen.of(site_of(request).accounts.save_signature(None, body.name, body.text, caller.name))


@router.get("/signatures/{signature}", operation_id="showSignature", summary="Show a signature")
def show_signature(request: Request, signature: SignatureNumber, caller: Reading) -> SignatureSeen:
    """A signature."""
    return SignatureSeen.of(site_of(request).accounts.signature(signature))


@router.patch("/signatures/{signature}", operation_id="changeSignature", summary="Change a signature")
def change_signature(
    request: Request, signature: SignatureNumber, body: ChangedSignature, caller: Administering
) -> SignatureSeen:
    """Change a signature; what is left out stays."""
    accounts = site_of(request).accounts
    before = accounts.signature(signature)
    values = {"name": before.name, "text": before.text, **_given(body)}
    return SignatureSeen.of(accounts.save_signature(signature, by=caller.name, **values))


@router.delete(
    "/signatures/{signature}",
    operation_id="removeSignature",
    summary="Remove a signature",
    status_code=204,
    response_class=Response,
)
def remove_signature(request: Request, signature: SignatureNumber, caller: Administering) -> None:
    """Remove a signature; groups whose default it was have none then."""
    site_of(request).accounts.remove_signature(signature, caller.name)


# --- where mail goes that arrives --------------------------------------------------------------------------------


@router.get("/arrival-rules", operation_id="listArrivalRules", summary="List where mail goes that arrives")
def list_arrival(request: Request, caller: Administering, lang: Lang) -> ArrivalRules:
    """The rules "Incoming: [name]", by account."""
    site = site_of(request)
    rules = site.accounts.arrival_rules().values()
    return ArrivalRules(items=[_arrival(site, each, lang.code(caller)) for each in rules])


@router.patch(
    "/accounts/{account}/arrival", operation_id="changeArrivalRule", summary="Change where mail goes that arrives"
)
def change_arrival(
    request: Request, account: _Account, body: ChangedArrival, caller: Administering, lang: Lang
) -> ArrivalSeen:
    """Change to which group mail goes that arrives on an account, open or done, to whom, with which topic. Mail that is
    stored stays where it is."""
    site = site_of(request)
    rule = site.accounts.arrival_rules().get(account)
    if rule is None:
        raise NotFound("there is no account %(number)s that fetches mail", number=str(account))
    rule = rule._replace(**_given(body, "owner", "topic"))
    site.accounts.change_arrival_rule(rule, caller.name)
    return _arrival(site, rule, lang.code(caller))


def _arrival(site: Site, rule: ArrivalRule, language: str) -> ArrivalSeen:
    name = ARRIVAL.say(language, {"name": site.accounts.account(rule.account).name})
    return ArrivalSeen.model_validate({**rule._asdict(), "name": name})


def _given(body: Given, *empty: str) -> dict[str, Any]:
    """What was given; of the fields only those in `empty` may be nothing, null leaves the others as they are."""
    given = body.model_dump(exclude_unset=True)
    return {name: value for name, value in given.items() if value is not None or name in empty}
