"""The folder that can be handed in, and the proof that it answers as trained."""
