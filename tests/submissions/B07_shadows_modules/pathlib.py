print("SHADOWED pathlib")
raise SystemExit(0)
