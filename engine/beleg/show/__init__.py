"""A stored mail shown to a person: its head, its text with the evidence in it, its HTML made safe, its attachments.

From the bytes and the parsed `Message` to data that a page only has to escape. Nothing here knows records or SQL.
"""

from beleg.show.files import File, content_disposition, file, file_name, files
from beleg.show.header import HeaderLine, Person, ShownHeader, shown_header
from beleg.show.html import CONTENT_SECURITY_POLICY, ShownHtml, shown_html
from beleg.show.text import Block, Mark, Segment, ShownPart, ShownText, shown_text

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "Block",
    "File",
    "HeaderLine",
    "Mark",
    "Person",
    "Segment",
    "ShownHeader",
    "ShownHtml",
    "ShownPart",
    "ShownText",
    "content_disposition",
    "file",
    "file_name",
    "files",
    "shown_header",
    "shown_html",
    "shown_text",
]
