"""ERP files to records: YAML and JSON in the form of a scenario's `erp:` block, CSV with one file a type."""

from beleg.importer.files import check_files, read_files
from beleg.importer.mapping import ImportMapping, read_mapping

__all__ = ["ImportMapping", "check_files", "read_files", "read_mapping"]
