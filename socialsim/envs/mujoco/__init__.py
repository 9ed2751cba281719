"""Worlds with MuJoCo physics (MJX): bodies that walk, turn and look about with a neck of their own."""
