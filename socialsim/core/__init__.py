"""Scenes, senses, signals, worlds and simulations. No learning here."""
