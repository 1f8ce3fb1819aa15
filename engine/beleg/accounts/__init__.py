"""Mail accounts, groups, signatures, filters, and the mail that is written: data and use cases.

No protocol is known here: what a plugin speaks (`beleg.mailserver`) is found by its name among what is installed.
"""
