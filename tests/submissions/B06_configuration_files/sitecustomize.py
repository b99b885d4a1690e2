print("COLLECTED sitecustomize.py")
raise SystemExit(0)
