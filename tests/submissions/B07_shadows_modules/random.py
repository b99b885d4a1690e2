print("SHADOWED random")
raise SystemExit(0)
