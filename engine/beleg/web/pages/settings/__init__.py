"""The pages of settings, one module each."""
