print("SHADOWED inspect")
raise SystemExit(0)
