"""The procedure that orders, offers and every other document type share (RULES.md section 5)."""

from beleg.document.procedure import DocumentStep
from beleg.document.rules import ADDRESS, TWO_REFERENCES

__all__ = ["ADDRESS", "TWO_REFERENCES", "DocumentStep"]
