"""Order, reuse, failure and place of work: from a plan to stored results."""
