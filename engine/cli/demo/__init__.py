"""`retold demo`: the whole story of the engine on one machine, told by doing it over the public interfaces alone."""
