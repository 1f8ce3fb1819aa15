"""Writing mail: how a mail begins, its editor, the outbox.

A draft is its author's alone: nobody else sees or changes it, by its number neither. What waits, was sent or failed is
seen by all who may use mail, for a team answers for it together."""

from fastapi import APIRouter

from beleg.web.pages.writing import begin, editor, outbox

router = APIRouter()
for _each in (begin, editor, outbox):
    router.include_router(_each.router)
