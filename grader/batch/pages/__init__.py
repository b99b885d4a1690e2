"""The pages about a class: `index.html` for the instructor, `leaderboard.html` to be hung up."""
