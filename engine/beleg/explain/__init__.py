"""From a trace to sentences, in English and German. Everything a person reads about a decision is rendered here."""

from beleg.explain.lines import Line, plain
from beleg.explain.render import Explainer
from beleg.explain.why_not import what_if_line, why_not_lines

__all__ = ["Explainer", "Line", "plain", "what_if_line", "why_not_lines"]
