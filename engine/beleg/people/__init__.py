"""People who may sign in: users with roles, their passwords, sessions and tokens of the API."""

from beleg.people.accounts import SESSION_SECONDS, Fields, People
from beleg.people.attempts import OF_NAME, OF_ORIGIN, WITHIN, SignInRefused
from beleg.people.entered import ROLES, SCOPES
from beleg.store.people import Token, User

__all__ = [
    "OF_NAME",
    "OF_ORIGIN",
    "ROLES",
    "SCOPES",
    "SESSION_SECONDS",
    "WITHIN",
    "Fields",
    "People",
    "SignInRefused",
    "Token",
    "User",
]
