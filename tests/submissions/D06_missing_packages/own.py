NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
