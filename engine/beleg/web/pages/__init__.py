"""The pages, one module each."""

from fastapi import APIRouter

from beleg.web.pages import inbox, message, profile, records, sign_in


def routers() -> list[APIRouter]:
    """What they answer to."""
    return [sign_in.router, inbox.router, message.router, records.router, profile.router]
