print("COLLECTED test_all.py")
raise SystemExit(0)
