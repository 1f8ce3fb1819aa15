"""ERP files to records: YAML and JSON in the form of a scenario's `erp:` block, CSV with one file a type."""
