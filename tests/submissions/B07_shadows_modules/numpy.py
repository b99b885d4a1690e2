print("SHADOWED numpy")
raise SystemExit(0)
