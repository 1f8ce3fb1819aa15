"""How Beleg is known to the providers that accounts are linked with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.responses import Response

from beleg.accounts.providers import PRESETS, Fields, on_loopback
from beleg.errors import InputError
from beleg.web.pages.settings.linking import redirect_urls
from beleg.web.pages.settings.view import MAIL, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of

router = APIRouter()

PROVIDERS = f"{MAIL}/providers"


class ProviderForm(BaseModel):
    """What was typed. An empty `secret` leaves the one that is stored, unless `no_secret`."""

    model_config = ConfigDict(extra="ignore", str_max_length=4_000, hide_input_in_errors=True)

    name: str = ""
    client_id: str = ""
    secret: SecretStr = SecretStr("")
    no_secret: bool = False
    tenant: str = ""
    testing: bool = False
    title: str = ""
    scopes: str = ""
    authorize: str = ""
    token: str = ""
    revoke: str = ""
    consent: str = ""
    days: str = ""

    @classmethod
    def of(cls, name: str, fields: Fields) -> ProviderForm:
        """What is stored."""
        days = fields.get("days")
        return cls.model_validate({**fields, "name": name, "days": str(days) if days else ""})

    def fields(self) -> Fields:
        """What to store. Raises InputError."""
        if self.days.strip() and not (self.days.strip().isascii() and self.days.strip().isdigit()):
            raise InputError("the days are a number")
        return Fields(
            client_id=self.client_id, tenant=self.tenant, testing=self.testing, title=self.title, scopes=self.scopes,
            authorize=self.authorize, token=self.token, revoke=self.revoke, consent=self.consent,
            days=int(self.days.strip()[:9] or 0),
        )  # fmt: skip

    def given_secret(self) -> SecretStr | None:
        """The client's secret, None where it stays."""
        return self.secret if self.secret.get_secret_value() or self.no_secret else None


Typed = Annotated[ProviderForm, Form()]


@router.get(PROVIDERS)
def listed(request: Request, visitor: Admin, done: str = "") -> Response:
    """All providers."""
    return _shown(request, visitor, done=done)


@router.post(PROVIDERS)
def save(request: Request, visitor: Admin, form: Typed) -> Response:
    """Store how Beleg is known to one."""
    name = form.name.strip()
    try:
        fields = form.fields()
        site_of(request).accounts.links.set_provider(name, visitor.name, form.given_secret(), **fields)
    except InputError as error:
        return _shown(request, visitor, form, fault=visitor.language.tell(error))
    return see(f"{PROVIDERS}?done=saved")


@router.post(f"{PROVIDERS}/{{name}}/remove")
def remove(request: Request, visitor: Admin, name: str) -> Response:
    """Forget it."""
    try:
        site_of(request).accounts.links.remove_provider(name, visitor.name)
    except InputError as error:
        return _shown(request, visitor, fault=visitor.language.tell(error))
    return see(f"{PROVIDERS}?done=removed")


def _shown(
    request: Request,
    visitor: Visitor,
    typed: ProviderForm | None = None,
    *,
    done: str = "",
    fault: str | None = None,
) -> Response:
    links = site_of(request).accounts.links
    providers = links.providers()
    forms = {each.name: ProviderForm.of(each.name, links.fields(each.name)) for each in providers}
    fresh = ProviderForm()
    if typed:
        fresh = fresh if typed.name in forms else typed
        forms |= {typed.name: typed} if typed.name in forms else {}
    callback, consent = redirect_urls(request)
    return settings_page(
        request, visitor, "providers.html", fault=fault, providers=providers, forms=forms, fresh=fresh, done=done,
        presets=PRESETS, callback=callback, consent=consent,
        insecure=not callback.startswith("https:") and not on_loopback(callback),
    )  # fmt: skip
