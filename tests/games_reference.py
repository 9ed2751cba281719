"""What tests of the table games share: moves by hand, and a slow reference in plain Python."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.core.acts import Act
from socialsim.core.scene import OBJECT_FEATURES
from socialsim.envs.games.dictator import dictator
from socialsim.envs.games.public_goods import public_goods
from socialsim.envs.games.stag_hunt import stag_hunt
from socialsim.envs.games.trust import trust
from socialsim.envs.games.ultimatum import ultimatum

GAMES = {
    "dictator": dictator,
    "ultimatum": ultimatum,
    "trust": trust,
    "public-goods": public_goods,
    "stag-hunt": stag_hunt,
}
AGENTS = 3  # of the reference
STILL, PUSH, BACK, CONFIRM = (int(a) for a in (Act.STILL, Act.ADVANCE, Act.RETREAT, Act.INTERACT))

reset = jax.jit(lambda world, key: world.reset(key))
step = jax.jit(lambda world, key, state, action: world.step(key, state, action))
scene = jax.jit(lambda world, state: world.scene(state))
options = jax.jit(lambda world, state, agent, others=None: world.options(state, agent, others))
KEY = jax.random.key(0)


def act(world, state, *acts):
    return step(world, KEY, state, jnp.array(acts, jnp.int32))


def begin(world, first=0):
    """A fresh table at which player `first` moves first."""
    state = reset(world, KEY)
    return state.replace(
        first=jnp.int32(first), owned=world.endow((jnp.arange(world.num_agents) - first) % world.num_agents)
    )


def play_turn(world, state, **units):
    """One turn by hand: player pN puts so many units forward, then all of them confirm at once."""
    wanted = {int(name[1:]): count for name, count in units.items()}
    for k in range(max(wanted.values())):
        state = act(world, state, *(PUSH if k < wanted.get(i, 0) else STILL for i in range(world.num_agents)))
    return act(world, state, *(CONFIRM if i in wanted else STILL for i in range(world.num_agents)))


def feature(seen, name):
    return np.asarray(seen.object_features)[..., OBJECT_FEATURES.index(name)]


class Reference:
    """One table, by the words of the docstrings."""

    def __init__(self, game, world, first):
        self.game, self.world, self.first, self.round, self.log = game, world, first, 0, []
        self.turns = 2 if game in ("ultimatum", "trust") else 1
        self.deal()

    def role(self, i):
        return (i - self.first - self.round) % AGENTS

    def who(self, role):
        return next(i for i in range(AGENTS) if self.role(i) == role)

    def deal(self):
        e = float(self.world.endowment)
        start = {"public-goods": [e] * 3, "stag-hunt": [0.0] * 3, "trust": [e, 0.0, 0.0]}
        by_role = start.get(self.game, [e, 0.0, 0.0])
        if self.game == "trust":
            by_role[1] = float(self.world.reserve)
        self.owned = [by_role[self.role(i)] for i in range(AGENTS)]
        self.forward, self.done, self.turn, self.clock = [0] * AGENTS, set(), 0, 0
        self.agreed, self.first_move = [], None

    def movers(self):
        return [self.who(self.turn)] if self.game in ("dictator", "ultimatum", "trust") else range(AGENTS)

    def limit(self, i):
        if self.game == "stag-hunt" or (self.game == "ultimatum" and self.turn == 1):
            return 1
        if self.game == "trust" and self.turn == 1:
            return math.floor(float(self.world.multiplier) * self.first_move + 1e-6)
        return int(self.owned[i])

    def step(self, acts):
        self.joint = [0.0] * AGENTS
        if self.over():
            return
        if self.turn == self.turns:
            self.round += 1
            self.deal()
            return
        for i in self.movers():
            if i in self.done:
                continue
            change = (acts[i] == PUSH) - (acts[i] == BACK)
            self.forward[i] = min(max(self.forward[i] + change, 0), self.limit(i))
            if acts[i] == CONFIRM:
                self.done.add(i)
        self.clock += 1
        agreed = set(self.movers()) <= self.done
        if agreed or self.clock >= self.world.turn_limit:
            self.agreed.append(agreed)
            self.settle()
            self.turn, self.clock, self.done = self.turn + 1, 0, set()
            if self.turn == self.turns:
                self.log[-1] |= {"payoff": list(self.owned), "confirmed": all(self.agreed)}

    def over(self):
        return self.turn == self.turns and self.round == self.world.rounds - 1

    def settle(self):
        a, b, w = self.who(0), self.who(1), self.world
        if self.game == "public-goods":
            given = list(self.forward)
            back = float(w.multiplier) * sum(given) / AGENTS
            self.owned = [o - g + back for o, g in zip(self.owned, given, strict=True)]
            good = sum(given) >= float(w.goal) * AGENTS * float(w.endowment) - 1e-5
            self.joint = [float(good and g > 0) for g in given]
            share = sum(given) / (AGENTS * float(w.endowment))
            self.log.append({"contributions": given, "share": share})
        elif self.game == "stag-hunt":
            hunts = [f == 1 for f in self.forward]
            caught = sum(hunts) >= w.needed
            catch = float(w.stag) if caught else float(w.alone)
            self.owned = [catch if h else float(w.hare) for h in hunts]
            self.joint = [float(h and caught) for h in hunts]
            self.log.append({"hunted": hunts, "caught": caught})
        elif self.game == "dictator":
            given, e = self.forward[a], float(w.endowment)
            self.owned[a], self.owned[b] = e - given, float(given)
            if min(given, e - given) >= float(w.shared) * e - 1e-5:
                self.joint[a] = self.joint[b] = 1.0
            self.log.append({"given": given})
        elif self.turn == 0:  # an offer that lies in the tray, or tokens that travel
            self.first_move = self.forward[a]
            if self.game == "ultimatum":
                return
            self.owned[a] -= self.first_move
            self.owned[b] += float(w.multiplier) * self.first_move
        elif self.game == "ultimatum":
            accepted, offer = self.forward[b] == 1 and self.agreed[-1], self.first_move
            self.owned[a], self.owned[b] = (self.owned[a] - offer, float(offer)) if accepted else (0.0, 0.0)
            self.joint[a] = self.joint[b] = float(accepted)
            self.log.append({"offer": offer, "accepted": accepted})
        else:
            sent, back = self.first_move, self.forward[b]
            self.owned[a], self.owned[b] = self.owned[a] + back, self.owned[b] - back
            self.joint[a] = self.joint[b] = float(0 < sent <= back)
            self.log.append({"sent": sent, "received": float(w.multiplier) * sent, "returned": back})
        self.forward = [0] * AGENTS
