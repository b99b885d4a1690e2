print("SHADOWED encodings")
raise SystemExit(0)
