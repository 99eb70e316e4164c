"""Users, groups and what they are authorized to. Pure: decides and applies, as all of the engine."""
