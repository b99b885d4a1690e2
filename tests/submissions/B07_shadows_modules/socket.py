print("SHADOWED socket")
raise SystemExit(0)
