print("SHADOWED datasets")
raise SystemExit(0)
