"""The message page: what it is linked to and why, corrections, questions, the mail itself."""

from fastapi import APIRouter

from beleg.web.pages.message import anew, ask, change, files, show

router = APIRouter()
for _each in (show, change, ask, anew, files):
    router.include_router(_each.router)
