"""A whole class in one batch: honest, weak, broken and hostile submissions side by side, killed and resumed."""
