part = "tests of mine"
