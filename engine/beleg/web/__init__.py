"""The support page and the HTTP API: thin layers over the same functions as the command line."""
