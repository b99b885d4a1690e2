print("SHADOWED worker")
raise SystemExit(0)
