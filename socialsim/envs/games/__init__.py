"""Economic games round a table: one grammar of moves, payoffs as data, a neutral resource token."""
