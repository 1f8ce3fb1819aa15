"""The pages, one module each."""

from fastapi import APIRouter

from beleg.web.pages import handling, ignored, inbox, jobs, message, profile, records, rules, sign_in, users
from beleg.web.pages.settings import filters, topics


def routers() -> list[APIRouter]:
    """What they answer to."""
    return [
        sign_in.router, inbox.router, handling.router, message.router, records.router, ignored.router, rules.router,
        users.router, profile.router, jobs.router, filters.router, topics.router,
    ]  # fmt: skip
