print("SHADOWED cv2")
raise SystemExit(0)
