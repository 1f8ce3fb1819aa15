"""The settings, area *Mail integration*: which server serves the company, accounts, groups, signatures, what becomes of
mail that arrives."""

from fastapi import APIRouter

from beleg.web.pages.settings import account, accounts, arrival, basic, groups, linking, providers, several, signatures

router = APIRouter()
for _each in (basic, accounts, several, account, groups, signatures, arrival, linking, providers):
    router.include_router(_each.router)
