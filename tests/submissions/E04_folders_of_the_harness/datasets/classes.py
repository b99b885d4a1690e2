part = "datasets of mine"
