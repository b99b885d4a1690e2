print("COLLECTED setup.py")
raise SystemExit(0)
