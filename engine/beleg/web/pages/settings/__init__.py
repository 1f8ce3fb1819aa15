"""The settings, area *Mail integration*: which server serves the company, accounts, groups, signatures, what becomes of
mail that arrives."""

from fastapi import APIRouter

from beleg.web.pages.settings import (
    account,
    accounts,
    arrival,
    basic,
    filters,
    groups,
    linking,
    providers,
    several,
    signatures,
    topics,
)

router = APIRouter()
for _each in (basic, accounts, several, account, groups, signatures, arrival, linking, providers, filters, topics):
    router.include_router(_each.router)
