print("SHADOWED struct")
raise SystemExit(0)
