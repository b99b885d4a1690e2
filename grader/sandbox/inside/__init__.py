"""Programs that do not import the grader: what runs in the sandbox, and what workers are forked from."""
