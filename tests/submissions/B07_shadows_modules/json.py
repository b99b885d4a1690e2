print("SHADOWED json")
raise SystemExit(0)
