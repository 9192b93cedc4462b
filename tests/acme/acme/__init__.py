"""A third party's plugin, which the fixture ``acme`` installs: components set to misbehave."""
