"""What other rules of sourcing would have done: past orders played again by the production engine."""
