print("SHADOWED traceback")
raise SystemExit(0)
