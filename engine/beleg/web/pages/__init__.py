"""The pages, one module each."""

from fastapi import APIRouter

from beleg.web.pages import (
    handling,
    ignored,
    inbox,
    jobs,
    message,
    profile,
    records,
    rules,
    settings,
    sign_in,
    users,
    writing,
)  # fmt: skip


def routers() -> list[APIRouter]:
    """What they answer to."""
    return [
        sign_in.router, inbox.router, handling.router, message.router, records.router, ignored.router, rules.router,
        users.router, settings.router, profile.router, jobs.router, writing.router,
    ]  # fmt: skip
