"""Worlds of discs on a plane: continuous motion, semi-implicit Euler, collisions."""
