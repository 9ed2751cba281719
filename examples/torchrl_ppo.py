"""PPO with TorchRL: a world through its `PettingZooWrapper`, a collector, GAE and the clipped loss.

    python examples/torchrl_ppo.py --world rendezvous-mujoco-v0 --updates 20

Needs `pip install 'socialsim[clients]'`. All agents form one group with one policy; works for discrete and
continuous worlds alike.
"""

import pettingzoo
import torch
import tyro
from tensordict.nn import TensorDictModule
from tensordict.nn.distributions import NormalParamExtractor
from torchrl.collectors import Collector
from torchrl.envs import PettingZooWrapper, RewardSum, TransformedEnv
from torchrl.modules import MultiAgentMLP, ProbabilisticActor, TanhNormal
from torchrl.objectives import ClipPPOLoss, ValueEstimators

import socialsim.envs.pettingzoo  # registers every world with PettingZoo
from socialsim.envs.flat_infos import FlatInfos

GROUP = "agents"


def environment(world: str = "rendezvous-v0", **options) -> TransformedEnv:
    """The world as TorchRL sees it: one group `agents` with a leading axis of agents."""
    name = f"{socialsim.envs.pettingzoo.NAMESPACE}/{world}"
    env = FlatInfos(pettingzoo.make("parallel", name, **options).unwrapped)
    wrapped = PettingZooWrapper(
        env,
        group_map={GROUP: env.possible_agents},
        use_mask=False,  # all agents act until the episode ends for all
        categorical_actions=True,
    )
    returns = RewardSum(in_keys=[wrapped.reward_key], out_keys=[(GROUP, "episode_reward")])
    return TransformedEnv(wrapped, returns)


def actor(env: TransformedEnv) -> ProbabilisticActor:
    """One network for all agents, each acting on what it senses itself."""
    action = env.full_action_spec_unbatched[env.action_key]
    num_agents, width = env.full_observation_spec[GROUP, "observation"].shape
    discrete = not action.dtype.is_floating_point
    outputs = int(action.space.n) if discrete else 2 * action.shape[-1]
    body = network(width, outputs, num_agents)
    if not discrete:
        body = torch.nn.Sequential(body, NormalParamExtractor())
    keys = [(GROUP, "logits")] if discrete else [(GROUP, "loc"), (GROUP, "scale")]
    bounds = {} if discrete else {"low": -1.0, "high": 1.0}
    return ProbabilisticActor(
        TensorDictModule(body, in_keys=[(GROUP, "observation")], out_keys=keys),
        spec=env.full_action_spec_unbatched,
        in_keys=keys if discrete else {"loc": keys[0], "scale": keys[1]},
        out_keys=[env.action_key],
        distribution_class=torch.distributions.Categorical if discrete else TanhNormal,
        distribution_kwargs=bounds,
        return_log_prob=True,
        log_prob_key=(GROUP, "sample_log_prob"),
    )


def critic(env: TransformedEnv) -> TensorDictModule:
    num_agents, width = env.full_observation_spec[GROUP, "observation"].shape
    return TensorDictModule(
        network(width, 1, num_agents), in_keys=[(GROUP, "observation")], out_keys=[(GROUP, "state_value")]
    )


def network(inputs: int, outputs: int, num_agents: int) -> MultiAgentMLP:
    return MultiAgentMLP(
        inputs, outputs, num_agents, centralized=False, share_params=True, depth=2, num_cells=64
    )


def train(
    world: str = "rendezvous-v0", updates: int = 20, steps: int = 256, seed: int = 0, **options
) -> tuple[ProbabilisticActor, list[float]]:
    """The actor after `updates` updates of `steps` decisions, and the loss of each update."""
    torch.manual_seed(seed)
    env = environment(world, **options)
    env.set_seed(seed)
    policy = actor(env)
    loss = ClipPPOLoss(policy, critic(env), entropy_coeff=0.01)
    loss.set_keys(
        reward=env.reward_key,
        action=env.action_key,
        sample_log_prob=(GROUP, "sample_log_prob"),
        value=(GROUP, "state_value"),
        done=(GROUP, "done"),
        terminated=(GROUP, "terminated"),
    )
    loss.make_value_estimator(ValueEstimators.GAE, gamma=0.99, lmbda=0.95)
    optimiser = torch.optim.Adam(loss.parameters(), 3e-4)
    collector = Collector(
        env,
        policy,
        frames_per_batch=steps,
        total_frames=updates * steps,
        auto_register_policy_transforms=False,
    )
    losses = []
    for batch in collector:
        with torch.no_grad():
            loss.value_estimator(
                batch, params=loss.critic_network_params, target_params=loss.target_critic_network_params
            )
        for _ in range(4):
            told = loss(batch)
            total = told["loss_objective"] + told["loss_critic"] + told["loss_entropy"]
            optimiser.zero_grad()
            total.backward()
            torch.nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
            optimiser.step()
        losses.append(float(total.detach()))
    collector.shutdown()
    return policy, losses


def main(world: str = "rendezvous-v0", updates: int = 20, steps: int = 256, seed: int = 0) -> None:
    _, losses = train(world, updates, steps, seed)
    print(f"{world}: {updates} updates of {steps} decisions, loss {losses[0]:.3f} -> {losses[-1]:.3f}")


if __name__ == "__main__":
    tyro.cli(main)
