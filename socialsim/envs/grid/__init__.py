"""Grid worlds: one engine, joint-event rules as data."""
