print("COLLECTED conftest.py")
raise SystemExit(0)
