part = "tools of mine"
