part = "reference of mine"
