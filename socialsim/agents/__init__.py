"""Who acts and learns: entity networks, the one PPO learner, scripted teams."""
