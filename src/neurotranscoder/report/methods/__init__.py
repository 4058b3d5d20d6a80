"""What was done, as a text for a paper: sentences from facts, each method with its reference."""
