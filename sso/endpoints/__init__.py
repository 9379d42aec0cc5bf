"""The endpoints of the provider that speak a protocol; pages for people are in `sso.pages`."""
