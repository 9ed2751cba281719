"""The value atlas: how its figures become sentences, pictures and a page."""
