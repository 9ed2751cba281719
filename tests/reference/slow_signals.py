"""Slow signals, written from docs/signals.md and not from the code: NumPy, float64, loops over agents.

A `Film` holds scenes of E worlds over T + 1 instants; row 0 is the reset. Each function gives `[T, E, A]`.
"""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass
class Film:
    """position `[T+1, E, A, 2]`, act `[T+1, E, A]`, sees_agent `[T+1, E, A, A]`, object_position
    `[T+1, E, M, 2]`, sees_object `[T+1, E, A, M]`, joint `[T+1, E, A]`."""

    position: np.ndarray
    act: np.ndarray
    sees_agent: np.ndarray
    object_position: np.ndarray
    sees_object: np.ndarray
    joint: np.ndarray


def _weight(film, t, j, place, sees, fade=6.0):
    """How much of its gaze agent j would spend on what lies at `place`: `[E]`."""
    distance = np.linalg.norm(np.asarray(place, float) - film.position[t, :, j], axis=-1)
    return np.where(sees, np.exp(-distance / fade), 0.0)


def attention(film, *, memory=20.0, power=10.0, roam=3.0, eps=0.05):
    instants, worlds, agents = film.act.shape
    objects = film.object_position.shape[2]
    usual_gaze = np.zeros((worlds, agents, agents))
    usual_place = film.position[0].astype(float)
    out = np.zeros((instants - 1, worlds, agents))
    for t in range(1, instants):
        gaze = np.zeros((worlds, agents, agents))
        for j in range(agents):
            total = np.full(worlds, eps)
            for i in range(agents):
                if i != j:
                    gaze[:, j, i] = _weight(film, t, j, film.position[t, :, i], film.sees_agent[t, :, j, i])
                    total += gaze[:, j, i]
            for o in range(objects):
                total += _weight(film, t, j, film.object_position[t, :, o], film.sees_object[t, :, j, o])
            gaze[:, j] /= total[:, None]
        for i in range(agents):
            step = film.position[t, :, i] - usual_place[:, i]
            d2 = step[:, 0] ** 2 + step[:, 1] ** 2
            for j in range(agents):
                fresh = (1.0 - usual_gaze[:, j, i]) ** power
                out[t - 1, :, i] += gaze[:, j, i] * fresh * d2 / (d2 + roam**2)
        usual_gaze = (1 - 1 / memory) * usual_gaze + gaze / memory
        usual_place = (1 - 1 / memory) * usual_place + film.position[t] / memory
    return out


def imitation(film, *, lags=(1, 2), memory=20.0, habit_memory=5.0, power=8.0, acts=10):
    instants, worlds, agents = film.act.shape
    out = np.zeros((instants - 1, worlds, agents))
    for e in range(worlds):
        habit = np.zeros((agents, agents))
        counts = np.zeros((agents, acts))  # exponentially forgotten
        known = 0.0
        for t in range(1, instants):
            now = film.act[t, e]
            for j in range(agents):
                if now[j] == film.act[t - 1, e, j]:
                    continue  # going on is no copy
                seen = [int(film.sees_agent[t - k, e, j].sum()) for k in lags if t >= k]
                audience = max(*seen, 1)
                usual = counts[j, now[j]] / known if known else 0.0
                rarity = min(1.0, -math.log(max(usual, 1e-6)) / math.log(acts))
                for i in range(agents):
                    excess = share = 0.0
                    for k in lags:
                        if t - k < 0 or not film.sees_agent[t - k, e, j, i]:
                            continue
                        chance = counts[i, now[j]] / known if known else 0.0
                        excess += (float(film.act[t - k, e, i] == now[j]) - chance) / len(lags)
                        share += 1 / len(lags)
                    worth = known * rarity * (1 - max(habit[j, i], 0.0)) ** power / audience
                    out[t - 1, e, i] += excess * worth
                    habit[j, i] += share * (excess - habit[j, i]) / habit_memory
            counts *= 1 - 1 / memory
            for i in range(agents):
                counts[i, now[i]] += 1 / memory
            known = known * (1 - 1 / memory) + 1 / memory
    return out


def coordination(film, *, cap=1.0):
    out = np.zeros(film.joint[1:].shape)
    for index, share in np.ndenumerate(film.joint[1:]):
        out[index] = min(max(float(share), 0.0), cap)
    return out
