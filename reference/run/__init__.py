"""What a run leaves behind: its folder, its pictures, its figures."""
